package apikey

// WellFormed is what a presented key is asked before any look-up.
func WellFormed(s string) bool { return wellFormed(s) }

// Unlockable is the error for a directory on a file system that refuses to lock it.
var Unlockable = unlockable
