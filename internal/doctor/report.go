package doctor

import "wolgate/internal/wol"

// Method is how a probe was watched for.
type Method string

// The methods.
const (
	PacketSocket Method = "packet_socket" // sees what the drivers are given; needs CAP_NET_RAW
	NoMethod     Method = "none"
)

// Report is the result of Examine.
type Report struct {
	// OK reports whether at least one LAN hears this host.
	OK         bool          `json:"ok"`
	Interfaces []Examined    `json:"interfaces"`
	Findings   []wol.Finding `json:"findings"`
}

// Examined is an interface, and its probe if it is eligible.
type Examined struct {
	wol.Interface
	Probe *ProbeResult `json:"probe,omitempty"`
}

// ProbeResult is what became of a probe.
type ProbeResult struct {
	// Heard reports whether it left this host towards a LAN, to one destination at
	// least. Known is false where it may have, and this could not be seen.
	Heard  bool   `json:"heard"`
	Known  bool   `json:"known"`
	Method Method `json:"method"`
	// Seen are the destinations to which it was seen leaving. Unseen are those to which
	// it was not, and would have been. What was not watched is in neither.
	Seen   []string `json:"seen"`
	Unseen []string `json:"unseen"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
}
