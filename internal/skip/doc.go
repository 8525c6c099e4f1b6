// Package skip is the one way for a test to say that this machine cannot run
// it. Nothing else calls t.Skip, so what a run left out is known by name.
package skip
