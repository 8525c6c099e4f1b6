// Package fasthttpd makes fasthttp behave: it refuses what fasthttp would read in another
// way than a proxy in front of it, keeps it from answering before it is asked and from
// logging keys, delivers refusals whose body was not read, and ends
// connections that hold up a shutdown. It knows nothing of routes and keys.
package fasthttpd
