// Package sdnotify tells systemd the state of the program: sd_notify(3) and
// sd_watchdog_enabled(3), without their library. If the environment does not ask for
// it, everything here does nothing.
package sdnotify
