package apikey

// WellFormed is what a presented key is asked before any look-up.
func WellFormed(s string) bool { return wellFormed(s) }
