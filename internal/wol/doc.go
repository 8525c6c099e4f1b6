// Package wol holds the nouns of Wake-on-LAN as wolgate uses them, and the one
// seam between its parts. It does no I/O and knows no framework.
//
// The words, each spelled one way everywhere:
//
//	magic packet       the 102, 106 or 108 bytes that wake a network card
//	target             the computer to wake, named by the MAC of its card
//	SecureOn password  the 4 or 6 bytes that some cards demand; sent in clear
//	limited broadcast  255.255.255.255, never forwarded by a router
//	directed broadcast the last address of a subnet, such as 192.168.1.255
//	wake               what the user wants
//	send               a packet leaves this host
//	receipt            what left, where to, and what failed
//	outcome            what became of the packets for one target
//	grant              who may do what to which targets until when: today a key
//	caller             who asks for this one thing: grant, door, address
//	door               a way in: the API, later a page, chat, schedules
//	gateway            api-server
//	daemon             wol-server
//
// A packet is sent. Nothing here says that a computer has woken: Wake-on-LAN
// has no acknowledgement.
package wol
