// Package wolhttp is the daemon's HTTP contract on its Unix socket, both ends
// of it: Handler serves any wol.Waker, and Client is a wol.Waker.
//
//	POST /wol/{mac}   wol.Options, may be empty   ->  wol.Receipt
//	POST /wol         wol.Targets                 ->  wol.Receipts
//	GET  /interfaces                              ->  wol.Interfaces
//	GET  /healthz                                 ->  {"ok":true}
//
// Errors are the bodies of package problem.
package wolhttp
