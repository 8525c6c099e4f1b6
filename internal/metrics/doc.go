// Package metrics counts what the gateway does, for Prometheus. The daemon has no
// listener for metrics: what is known of it comes from its answers.
package metrics
