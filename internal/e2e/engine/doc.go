// Package engine runs the images, the compose files and make deploy on a real container
// engine. It lies in a network namespace of the tests, so that the host network of a
// container is a LAN that they have made, and registries are out of reach.
package engine
