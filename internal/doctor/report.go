package doctor

import "wolgate/internal/wol"

// Method is how a probe was watched for.
type Method string

// The methods.
const (
	PacketSocket Method = "packet_socket" // sees what the drivers are given; needs CAP_NET_RAW
	NoMethod     Method = "none"
)

// Report is what an examination has found.
type Report struct {
	// OK says that at least one LAN hears this host.
	OK         bool          `json:"ok"`
	Interfaces []Examined    `json:"interfaces"`
	Findings   []wol.Finding `json:"findings"`
}

// Examined is an interface, and its probe if it is eligible.
type Examined struct {
	wol.Interface
	Probe *Probe `json:"probe,omitempty"`
}

// Probe is what became of the packet that was sent to find out.
type Probe struct {
	// Heard says that it has left this host towards a LAN, to one destination at
	// least. Known is false where it may have, and nobody could tell.
	Heard  bool   `json:"heard"`
	Known  bool   `json:"known"`
	Method Method `json:"method"`
	// Seen and Unseen are the destinations to which it was seen to leave, and those
	// to which it was not, though it would have been. Those that the method cannot
	// see are in neither.
	Seen   []string `json:"seen"`
	Unseen []string `json:"unseen"`
	// Detail says it in a sentence for people.
	Detail string `json:"detail"`
}
