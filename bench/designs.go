package main

import "errors"

// design is a way to turn a request into a packet. It is started anew for every
// measurement, so that none is charged for what an earlier one left behind.
type design struct {
	name  string
	bin   string // directory of the two programs
	start func(s *stage) error
}

// designs returns wolgate and what it is compared with, in the order of the table. All
// send one packet a wake, except byInterface.
//
//   - wolgate before: the programs of another build, if there are some;
//   - nothing of ours: Fiber and net/http, two hops, without keys, logs or limits;
//   - the original design: the same, with a client and a UDP socket for every request.
func (p plan) designs() []design {
	all := []design{{"wolgate", p.bin, oneBroadcast}}
	if p.base != "" {
		all = append(all, design{"wolgate before", p.base, oneBroadcast})
	}
	return append(all,
		byInterface(p.bin),
		design{"two hops with nothing of ours", p.bin, func(s *stage) error {
			return errors.Join(s.self(bareDaemonRole), s.self(bareGatewayRole))
		}},
		design{"original design", p.bin, func(s *stage) error {
			return errors.Join(s.self(originalDaemonRole), s.self(originalGatewayRole))
		}})
}

func oneBroadcast(s *stage) error {
	return errors.Join(s.daemon("--destinations", lanDestination), s.gateway())
}

// byInterface is wolgate without --destinations: two packets a wake on this LAN, one to
// the broadcast of the subnet and one to 255.255.255.255.
func byInterface(bin string) design {
	return design{"wolgate, both broadcasts", bin, func(s *stage) error {
		return errors.Join(s.daemon("--interfaces", nearEnd), s.gateway())
	}}
}
