// Package docscheck has only tests. They hold documents, settings and imports to each
// other: what a text says of the code, and what the code promises in a text.
package docscheck
