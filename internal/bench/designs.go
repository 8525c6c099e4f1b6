package main

import "errors"

// design is a way to turn a request into a packet. It is started anew for every
// measurement, so that none is charged for what an earlier one has left behind.
type design struct {
	name   string
	start  func(s *stage) error
	silent bool // it sends nothing
}

// designs returns wolgate and what it is compared with, in the order of the table. All
// send one packet a wake, but for byInterface.
//
//   - the limit: the same gateway and the same daemon, which sends nothing;
//   - nothing of ours: Fiber and net/http, two hops, without keys, logs or limits;
//   - the original design: the same, with a client and a UDP socket for every request;
//   - one process: the gateway calls the sender, and there is no socket between them.
func designs() []design {
	return []design{
		{name: "wolgate", start: func(s *stage) error {
			return errors.Join(s.daemon("--destinations", lanDestination), s.gateway())
		}},
		byInterface(),
		{name: "limit: daemon sends nothing", silent: true, start: func(s *stage) error {
			return errors.Join(s.self(roleSilentDaemon, s.socket), s.gateway())
		}},
		{name: "two hops with nothing of ours", start: func(s *stage) error {
			return errors.Join(s.self(roleBareDaemon, s.socket), s.self(roleBareGateway, s.socket))
		}},
		{name: "original design", start: func(s *stage) error {
			return errors.Join(s.self(roleOriginalDaemon, s.socket), s.self(roleOriginalGateway, s.socket))
		}},
		{name: "one process", start: func(s *stage) error {
			return s.self(roleOneProcess, s.keys)
		}},
	}
}

// byInterface is wolgate as it is without --destinations: two packets a wake on this LAN,
// one to the broadcast of the subnet and one to 255.255.255.255.
func byInterface() design {
	return design{name: "wolgate, both broadcasts", start: func(s *stage) error {
		return errors.Join(s.daemon("--interfaces", nearEnd), s.gateway())
	}}
}
