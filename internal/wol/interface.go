package wol

// Interface is one network interface of the daemon's host. Where destinations
// are configured, a single one without a name holds them.
type Interface struct {
	Name     string `json:"interface" example:"eth0"`
	Eligible bool   `json:"eligible" example:"true"` // packets leave by it
	// Why is the reason it is not eligible, as a code; Reason is the same in words;
	// Cure is what to do about it. Failing is true where the interface is relied on all the same, so
	// that every receipt lists it under failed; of the one without a name, these are about
	// destinations.
	Why          Why      `json:"why,omitempty" swaggertype:"string" enums:"loopback,point_to_point,not_named,excluded,off_lan,no_broadcast,no_arp,down,no_carrier,bridge_without_ports,port,missing" example:"excluded"`
	Reason       string   `json:"reason,omitempty" example:"excluded by --exclude-interfaces"`
	Cure         string   `json:"cure,omitempty" example:"name it in --interfaces if computers to wake are on it"`
	Failing      bool     `json:"failing" example:"false"`
	Addresses    []string `json:"addresses" example:"192.168.1.10/24"`
	Destinations []string `json:"destinations" example:"255.255.255.255:9,192.168.1.255:9"`
	Routes       []string `json:"routes" example:"default via 192.168.1.1,192.168.1.0/24"`
} // @name Interface

// Why is a reason for which an interface is not eligible.
type Why string

// The reasons.
const (
	Loopback           Why = "loopback"
	PointToPoint       Why = "point_to_point"       // a VPN or a modem: it has no broadcast
	NotNamed           Why = "not_named"            // by --interfaces
	Excluded           Why = "excluded"             // by --exclude-interfaces
	OffLAN             Why = "off_lan"              // an overlay, or it leads to containers and virtual machines only
	NoBroadcast        Why = "no_broadcast"         // the kind of network has none
	NoARP              Why = "no_arp"               // its frames have nobody's address
	Down               Why = "down"                 // switched off
	NoCarrier          Why = "no_carrier"           // nothing at the other end of the cable
	BridgeWithoutPorts Why = "bridge_without_ports" // it takes every packet, and nobody hears it
	Port               Why = "port"                 // of a bridge or bond that sends for it
	Missing            Why = "missing"              // named by --interfaces, and not there
)

// Finding is a fault of the host or of its surroundings that swallows packets.
type Finding struct {
	Code      string `json:"code" example:"no_carrier"`
	Interface string `json:"interface,omitempty" example:"eth1"`
	Message   string `json:"message" example:"no carrier: no packet reaches a LAN by this interface, and every receipt says so"`
	Cure      string `json:"cure" example:"plug its cable in at both ends and switch on what it leads to"`
} // @name Finding

// Interfaces is what the daemon knows of its host without sending anything, as
// it crosses the network.
type Interfaces struct {
	Interfaces []Interface `json:"interfaces"`
	Findings   []Finding   `json:"findings"`
} // @name Interfaces
