// Package boot has the tests of deploy/systemd: the units as systemd reads them, and
// both programs installed in a system that is booted for the purpose.
package boot
