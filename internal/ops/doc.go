// Package ops is the operator's listener: metrics and pprof, for the operator's own
// network.
package ops
