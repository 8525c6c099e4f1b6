package wolhttp

const (
	pathWol        = "/wol"
	pathInterfaces = "/interfaces"
	pathHealth     = "/healthz"

	// headerDeadline carries the moment, in milliseconds since 1970 UTC, after
	// which the caller has given up. A daemon that was stopped meanwhile drops
	// the call instead of waking a host late. Both ends are on one host and read
	// one clock.
	headerDeadline  = "Wol-Deadline"
	headerRequestID = "X-Request-Id" // as net/http writes it

	// maxBody bounds a request: 1000 targets with SecureOn take about 70 kB.
	maxBody = 128 << 10
	// maxAnswer bounds what the client reads. 1000 receipts take 200 kB on a host with 70
	// interfaces that fail alike, and 8 MB only where no two targets fail alike.
	maxAnswer = 8 << 20
)
