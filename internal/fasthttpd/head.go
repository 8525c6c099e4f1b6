package fasthttpd

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// What Expect asks (RFC 9110 section 10.1.1), and what it is replaced with where the
// answer is no.
const (
	expectContinue = "100-continue"
	expectRefused  = "refused"
)

// LimitBodies has s read at most limit bytes of a body, which it asks for each head before
// it reads any of the body.
//
// Expect: 100-continue with a larger body would be told to go on all the same, and be
// refused after that. Without the word it is refused like every other body that is too
// large, by a final answer and none before it.
func LimitBodies(s *fasthttp.Server, limit func(*fasthttp.RequestHeader) int) {
	s.HeaderReceived = func(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
		understand(header)
		most := limit(header)
		if header.ContentLength() > most && string(header.Peek(fasthttp.HeaderExpect)) == expectContinue {
			header.Set(fasthttp.HeaderExpect, expectRefused)
		}
		return fasthttp.RequestConfig{MaxRequestBodySize: most}
	}
}

// understand does what fasthttp leaves undone: an option of Connection may be one of a list,
// in any case (RFC 9110 section 7.6.1), and HTTP/1.0 knows no Expect (section 10.1.1).
func understand(header *fasthttp.RequestHeader) {
	if !header.IsHTTP11() {
		header.Del(fasthttp.HeaderExpect)
	}
	for line := range bytes.Lines(header.RawHeaders()) { // if there are two, fasthttp forgets a close
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte(fasthttp.HeaderConnection)) {
			continue
		}
		for option := range bytes.SplitSeq(value, []byte(",")) {
			if bytes.EqualFold(bytes.TrimSpace(option), []byte("close")) {
				header.SetConnectionClose()
			}
		}
	}
}

// Path returns the path of a request as the client wrote it, with the query, and without the
// host that an absolute target names (RFC 9112 section 3.2.2).
func Path(header *fasthttp.RequestHeader) []byte {
	target := header.RequestURI()
	if _, rest, absolute := bytes.Cut(target, []byte("://")); absolute && target[0] != '/' {
		return rest[max(0, bytes.IndexByte(rest, '/')):]
	}
	return target
}

// ExpectationRefused reports whether LimitBodies has refused what the client expects.
func ExpectationRefused(header *fasthttp.RequestHeader) bool {
	return string(header.Peek(fasthttp.HeaderExpect)) == expectRefused
}

// Ambiguous returns what has to change in a head that a proxy before us could read in
// another way than fasthttp does, or "" for one that has one reading. fasthttp takes a line
// that ends without CR for the end of a header, and one that begins with a space for more of
// the last (obsolete folding, RFC 9112 section 5.2); it goes by the length beside
// Transfer-Encoding: identity, and of two media types it takes the last.
func Ambiguous(header *fasthttp.RequestHeader) string {
	var kind []byte
	for line := range bytes.Lines(header.RawHeaders()) {
		if bytes.HasSuffix(line, []byte("\n")) && !bytes.HasSuffix(line, []byte("\r\n")) || line[0] == ' ' || line[0] == '\t' {
			return "end each header line with CR LF, and begin none with a space"
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte(fasthttp.HeaderTransferEncoding)) && !bytes.EqualFold(value, []byte("chunked")):
			return "the one Transfer-Encoding that is understood is chunked"
		case bytes.EqualFold(name, []byte(fasthttp.HeaderContentType)):
			if kind != nil && !bytes.Equal(kind, value) {
				return "it has two Content-Type headers: send one"
			}
			kind = value
		}
	}
	return ""
}
