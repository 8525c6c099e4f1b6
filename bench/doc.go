// Bench measures wolgate against what this machine allows, and prints tables in
// Markdown. It runs both programs as a user would, on a LAN that it makes in its
// network namespace, and in the same rounds what they are compared with: see designs.
// Only ratios within one run say something about wolgate; the figures depend on how
// fast the machine was just then.
//
// "make bench" builds and runs it, and docs/benchmarks.md explains how to read it. The
// programs api-server and wol-server are taken from the directory of this one, and
// those of another build from the directory that -base names. It refuses to run in a
// network namespace that has interfaces, so no packet reaches a network of anyone else.
package main
