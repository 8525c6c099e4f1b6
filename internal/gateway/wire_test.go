package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/netlimit"
	"wolgate/internal/woltest"
)

// statusOf reads the status of an answer, or "" where there is none.
func statusOf(answer string) string {
	status, _, _ := strings.Cut(strings.TrimPrefix(answer, "HTTP/1.1 "), " ")
	return status
}

// TestSlowReadersAreCutOff asks for more than the kernel buffers and reads none.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	d := openWithin(t, impatient(), nil)
	limit := impatient().write
	began := time.Now()
	d.say(t, strings.Repeat("GET /swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n", 30))
	for d.conns.Load() == 0 {
		time.Sleep(10 * time.Millisecond) // until it is accepted
	}
	for d.conns.Load() > 0 && time.Since(began) < limit+5*time.Second {
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(began); took < limit || took > limit+5*time.Second {
		t.Errorf("closed after %v", took)
	}
}

// TestBytesOnTheWire sends requests that client libraries do not make. The
// answer is 200 only where a status says so, and then it has woken once.
func TestBytesOnTheWire(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	key := "Authorization: Bearer " + d.wake + "\r\n"
	const end = "Connection: close\r\n\r\n"
	line := "POST " + target + " HTTP/1.1\r\n"
	head := line + "Host: x\r\n" + key
	bulk := "POST /api/v1/wol HTTP/1.1\r\nHost: x\r\n" + key + "Content-Type: application/json\r\n"
	large := `{"targets":[{"mac_addr":"02:00:00:00:00:01"}]}` + strings.Repeat(" ", maxOptions)
	// padded returns a request whose head has n bytes.
	padded := func(n int) string {
		start := head + "X: "
		return start + strings.Repeat("x", n-len(start)-len("\r\n"+end)) + "\r\n" + end
	}
	for name, tt := range map[string]struct{ request, status string }{
		"good": {head + end, "200"},

		"B3 unknown coding":         {head + "Transfer-Encoding: xchunked\r\n" + end, "400"},
		"B3 identity":               {head + "Transfer-Encoding: identity\r\n" + end, "400"},
		"B3 folded coding":          {head + "Transfer-Encoding:\r\n chunked\r\n" + end + "0\r\n\r\n", "400"},
		"B6 folded value":           {line + "Host: x\r\nAuthorization: Bearer\r\n " + d.wake + "\r\n" + end, "400"},
		"B6 folded length":          {head + "Content-Length:\r\n\t0\r\n" + end, "400"},
		"two media types":           {bulk + "Content-Type: text/plain\r\nContent-Length: 46\r\n" + end + `{"targets":[{"mac_addr":"02:00:00:00:00:01"}]}`, "400"},
		"one media type, twice":     {bulk + "Content-type: application/json\r\nContent-Length: 46\r\n" + end + `{"targets":[{"mac_addr":"02:00:00:00:00:01"}]}`, "200"},
		"B3 two codings":            {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n", "400"},
		"B3 two codings, one odd":   {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n" + end + "0\r\n\r\n", "400"},
		"B3 list of codings":        {head + "Transfer-Encoding: gzip, chunked\r\n" + end + "0\r\n\r\n", "400"},
		"B3 space before the colon": {head + "Transfer-Encoding : chunked\r\n" + end + "0\r\n\r\n", "400"},
		"B3 tab before the colon":   {head + "Transfer-Encoding\t: chunked\r\n" + end + "0\r\n\r\n", "400"},
		"B3 length with a plus":     {head + "Content-Length: +5\r\n" + end + "12345", "400"},
		"B3 length below zero":      {head + "Content-Length: -1\r\n" + end, "400"},
		"B3 huge length":            {head + "Content-Length: 99999999999999999999\r\n" + end, "400"},
		"B3 hexadecimal length":     {head + "Content-Length: 0x5\r\n" + end + "12345", "400"},
		"B3 empty length":           {head + "Content-Length: \r\n" + end, "400"},

		"B5 no host":   {line + key + end, "400"},
		"B5 two hosts": {line + "Host: x\r\nHost: x\r\n" + key + end, "400"},

		"B6 bare CR in a value":   {head + "X: a\rb\r\n" + end, "400"},
		"B6 NUL in a value":       {head + "X: a\x00b\r\n" + end, "400"},
		"B6 header without colon": {head + "X\r\n" + end, "400"},
		"B6 no version":           {"POST " + target + "\r\nHost: x\r\n" + key + end, "400"},
		"B6 control byte in path": {"POST " + target + "\x01 HTTP/1.1\r\nHost: x\r\n" + key + end, "400"},

		"B7 head of 32768 bytes": {padded(32768), "200"},
		"B7 head of 32769 bytes": {padded(32769), "431"},
		"B7 path of 32769 bytes": {"POST /" + strings.Repeat("x", 32768) + " HTTP/1.1\r\nHost: x\r\n" + key + end, "431"},

		"B8 5000 bytes announced":           {head + "Content-Length: 5000\r\n\r\n", "413"},
		"B8 4097 bytes in chunks":           {head + "Transfer-Encoding: chunked\r\n" + end + "1001\r\n" + strings.Repeat(" ", 4097) + "\r\n0\r\n\r\n", "413"},
		"B8 128 KiB and one announced":      {bulk + "Content-Length: 131073\r\n\r\n", "413"},
		"B8 5000 bytes, no key":             {"POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", "413"},
		"B8 5000 bytes, wrong key":          {"POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + apikey.Generate().Reveal() + "\r\nContent-Length: 5000\r\n\r\n", "413"},
		"B8 5000 bytes to a health route":   {"GET /healthz HTTP/1.1\r\nHost: x\r\n" + key + "Content-Length: 5000\r\n\r\n", "413"},
		"B8 expect, 1 GB":                   {bulk + "Expect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n", "417"},
		"B8 expect, 5000 bytes, no key":     {"POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n", "417"},
		"B8 expect, 5000 bytes, one target": {head + "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n", "417"},
		"B8 a form is not parsed":           {bulk[:len(bulk)-len("application/json\r\n")] + "multipart/form-data; boundary=b\r\nContent-Length: 5\r\n" + end + "--b--", "415"},

		"close in capitals":           {head + "Connection: Close\r\n\r\n", "200"},
		"close in a list":             {head + "Connection: keep-alive, close\r\n\r\n", "200"},
		"close in the first of two":   {head + "Connection: close\r\nConnection: keep-alive\r\n\r\n", "200"},
		"close in HTTP/1.0":           {"POST " + target + " HTTP/1.0\r\nHost: x\r\n" + key + "Connection: keep-alive, close\r\n\r\n", "200"},
		"B8 expect in HTTP/1.0":       {"POST " + target + " HTTP/1.0\r\nHost: x\r\n" + key + "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "200"},
		"B8 expect in HTTP/1.0, 1 GB": {"POST " + target + " HTTP/1.0\r\nHost: x\r\n" + key + "Expect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n", "413"},

		"C13 absolute URI":             {"POST http://evil.example" + target + " HTTP/1.1\r\nHost: x\r\n" + key + end, "200"},
		"C13 absolute URI, large body": {"POST http://evil.example" + strings.TrimPrefix(bulk, "POST ") + fmt.Sprintf("Content-Length: %d\r\n", len(large)) + end + large, "200"},
	} {
		before := d.wakes.Load()
		a := woltest.Raw(t, d.address(), tt.request)
		if statusOf(a) != tt.status || strings.Contains(a, "100 Continue") {
			t.Errorf("%s: %s", name, a)
		}
		if woken := d.wakes.Load() - before; (woken == 1) != (tt.status == "200") || woken > 1 {
			t.Errorf("%s: %d wakes", name, woken)
		}
		if tt.status != "200" && (!strings.Contains(a, "application/problem+json") || !strings.Contains(a, "Connection: close")) {
			t.Errorf("%s: not our error, or not the end: %s", name, a)
		}
		if strings.Contains(a, d.wake) {
			t.Errorf("%s: the answer quotes the key: %s", name, a)
		}
	}
}

// TestLargeBodiesAreForKeys: refused at once and unread, or read.
func TestLargeBodiesAreForKeys(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	began := time.Now()
	if a := woltest.Raw(t, d.address(), "POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"); statusOf(a) != "413" {
		t.Errorf("without a key: %s", a)
	}
	if took := time.Since(began); took > defaultTimeouts().read/2 { // far below the time in which the body could come
		t.Errorf("refused after %v", took)
	}
	body := `{"targets":[{"mac_addr":"02:00:00:00:00:01"}]}` + strings.Repeat(" ", 100_000)
	for _, expect := range []string{"", "100-continue"} {
		if a := d.call(t, http.MethodPost, "/api/v1/wol", body, "Authorization", d.wake, "Content-Type", "application/json", "Expect", expect); a.StatusCode != http.StatusOK {
			t.Errorf("with a key, expect %q: %d %s", expect, a.StatusCode, a.body)
		}
	}
}

// TestABrokenKeySetReadsNoLargeBody: outside of handlers a panic would be the
// end of the process.
func TestABrokenKeySetReadsNoLargeBody(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Keys = func() *apikey.Set { panic("canary") } })
	if a := woltest.Raw(t, d.address(), "POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nAuthorization: k\r\nContent-Length: 5000\r\n\r\n"); statusOf(a) != "413" {
		t.Errorf("large body: %s", a)
	}
	if a := d.call(t, http.MethodPost, target, "", "Authorization", "k"); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("no body: status %d", a.StatusCode)
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

// TestCompressedBodiesStayCompressed sends what would inflate to 60 MiB.
func TestCompressedBodiesStayCompressed(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	var one bytes.Buffer
	z := gzip.NewWriter(&one)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := strings.Repeat(one.String(), 60) // members may follow each other (RFC 1952 section 2.2)
	a := d.call(t, http.MethodPost, "/api/v1/wol", bomb, "Authorization", d.wake, "Content-Type", "application/json", "Content-Encoding", "gzip")
	if a.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("%d bytes: %d %s", len(bomb), a.StatusCode, a.body)
	}
}

// TestTransferEncodingDecides sends a body that ends earlier by its coding than
// by its length. What follows the end is one request by the first reading, and
// part of the body by the second (RFC 9112 section 6.3: the coding overrides).
func TestTransferEncodingDecides(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	key := "Host: x\r\nAuthorization: Bearer " + d.wake + "\r\n"
	next := "POST " + target + " HTTP/1.1\r\n" + key + "X-Request-ID: second\r\nConnection: close\r\n\r\n"
	for name, headers := range map[string]string{
		"length first": fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", 5+len(next)),
		"coding first": fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", 5+len(next)),
	} {
		before := d.wakes.Load()
		a := woltest.Raw(t, d.address(), "POST "+target+" HTTP/1.1\r\n"+key+headers+"\r\n0\r\n\r\n"+next)
		woken := d.wakes.Load() - before
		refused := statusOf(a) == "400" && woken == 0 // which the section allows as well
		if !refused && (woken != 2 || strings.Count(a, "HTTP/1.1 200 ") != 2 || !strings.Contains(a, "second")) {
			t.Errorf("%s: %d wakes: %s", name, woken, a)
		}
	}
}

// TestBareLineFeedsFrameNothing: a proxy in front might see one header where we see two.
// They are refused at once, though fasthttp would wait for more of some of these heads; and
// so they are on a connection that has had an answer.
func TestBareLineFeedsFrameNothing(t *testing.T) {
	t.Parallel()
	within := impatient()
	within.read = woltest.Patience
	d := openWithin(t, within, nil)
	key := "Authorization: Bearer " + d.wake
	for name, request := range map[string]string{
		"all of it":      "POST " + target + " HTTP/1.1\nHost: x\n" + key + "\n\n",
		"one header":     "POST " + target + " HTTP/1.1\r\nHost: x\n" + key + "\r\n\r\n",
		"last header":    "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + key + "\n\r\n",
		"end of head":    "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + key + "\r\n\n",
		"two LFs":        "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + key + "\n\n",
		"a length":       "POST " + target + " HTTP/1.1\r\nHost: x\r\nX: a\nContent-Length: 0\r\n" + key + "\r\n\r\n",
		"request line":   "POST " + target + " HTTP/1.1\nHost: x\r\n" + key + "\r\n\r\n",
		"before it":      "\nPOST " + target + " HTTP/1.1\r\nHost: x\r\n" + key + "\r\n\r\n",
		"after an empty": "\r\nPOST " + target + " HTTP/1.1\nHost: x\n\n",
	} {
		began := time.Now()
		if a, err := io.ReadAll(d.say(t, request)); statusOf(string(a)) != "400" || err != nil || time.Since(began) > woltest.Patience/2 {
			t.Errorf("%s: after %v: %v %s", name, time.Since(began), err, a)
		}
		if strings.HasPrefix(request, "\n") { // between two requests it ends the connection
			continue
		}
		began = time.Now()
		c := d.say(t, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		r := bufio.NewReader(c)
		first, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, first.Body)
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		if a, err := io.ReadAll(r); statusOf(string(a)) != "400" || err != nil || time.Since(began) > woltest.Patience/2 {
			t.Errorf("%s, as the second: after %v: %v %s", name, time.Since(began), err, a)
		}
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

// TestLineFeedsInABodyAreTheBodys sends bodies whose lines end as JSON's do, in one piece
// with their head, in pieces, and behind one another.
func TestLineFeedsInABodyAreTheBodys(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	body := "{\n\n\"secureon\":\n\r\n\"010203040506\"\n}\n"
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", target, d.wake, len(body), body)
	c := d.say(t, request+request)
	r := bufio.NewReader(c)
	answered := func() {
		t.Helper()
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, a.Body); err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%d: %v", a.StatusCode, err)
		}
	}
	answered()
	answered()
	for step := 1; step < 40; step += 6 {
		all := request + request[:step] // the rest of the second comes in pieces
		for all += request[step:]; len(all) > 0; {
			n := min(step, len(all))
			if _, err := io.WriteString(c, all[:n]); err != nil {
				t.Fatal(err)
			}
			all = all[n:]
		}
		answered()
		answered()
	}
}

// TestAKeyHoldsFewLargeBodies: what is read before any handler can ask for scope and
// rate is bounded for each key, and the log says whose it was.
func TestAKeyHoldsFewLargeBodies(t *testing.T) {
	t.Parallel()
	within := defaultTimeouts()
	within.read = 2 * time.Second // 200 connections take a while
	d := openWithin(t, within, func(o *Options) { o.Rate, o.Burst = 1, 1 })
	const conns = 200
	head := func(key string) string {
		return "POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\nContent-Length: 131072\r\n\r\n"
	}
	if a := woltest.Raw(t, d.address(), head(d.admin)); statusOf(a) != "413" {
		t.Errorf("a key without the scope: %s", a)
	}
	statuses := make(chan string, conns)
	for range conns {
		c := d.say(t, head(d.wake))
		go func() {
			a, _ := io.ReadAll(c) // up to 408
			statuses <- statusOf(string(a))
		}()
	}
	count := map[string]int{}
	for range conns {
		count[<-statuses]++
	}
	if count["429"] < conns/3 || count["408"] < largeBurst || count["408"]+count["429"] != conns {
		t.Errorf("%v", count)
	}
	for _, line := range d.lines(t, "event", "excess_rate_limit_exceeded") {
		if line["suppressed"] == nil && line["key_id"] == nil {
			t.Errorf("whose? %v", line)
		}
	}
}

// TestAllKeysHoldFewLargeBodies: each of four keys keeps within its own limit.
func TestAllKeysHoldFewLargeBodies(t *testing.T) {
	t.Parallel()
	limits := newBodyLimits()
	began, taken := time.Now(), 0
	for n := range 4 * largeBurst {
		if limits.take(fmt.Sprint(n % 4)) {
			taken++
		}
	}
	if most := allLargeBurst + allLargePerSecond*(1+int(time.Since(began).Seconds())); taken < allLargeBurst || taken > most {
		t.Errorf("%d bodies are read, want %d to %d", taken, allLargeBurst, most)
	}
}

// TestARefusedBodyDoesNotTakeItsAnswerAlong: a client that sends a body which is
// too large still has to be told so, and most clients, Go's among them, read no
// answer once their writing has failed.
func TestARefusedBodyDoesNotTakeItsAnswerAlong(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for name, key := range map[string]string{"without a key": "", "with a key": d.wake} {
		for range 50 {
			if a := d.call(t, http.MethodPost, "/api/v1/wol", strings.Repeat(" ", 500_000), "Authorization", key); a.refusal(t).Status != http.StatusRequestEntityTooLarge && a.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("%s: %d %s", name, a.StatusCode, a.body)
			}
		}
	}
}

// TestSilenceIsNotAnswered: a client that opens a connection in advance would take
// what is said there for the answer to its first request.
func TestSilenceIsNotAnswered(t *testing.T) {
	t.Parallel()
	d := openWithin(t, impatient(), nil)
	a, err := io.ReadAll(d.say(t, ""))
	if len(a) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v: %s", err, a)
	}
	if text := d.log.String(); text != "" {
		t.Errorf("logged: %s", text)
	}
}

// TestSlowSendersAreCutOff sends a byte now and then: the time is for the whole
// request, and no byte buys more of it.
func TestSlowSendersAreCutOff(t *testing.T) {
	t.Parallel()
	d := openWithin(t, impatient(), nil)
	limit := impatient().read
	began := time.Now()
	conns := map[string]net.Conn{
		"head": d.say(t, "POST "+target+" HTTP/1.1\r\nHost: x\r\nX: "),
		"body": d.say(t, "POST "+target+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+d.wake+"\r\nContent-Length: 1000\r\n\r\n"),
	}
	for _, c := range conns {
		go func() {
			for {
				time.Sleep(limit / 20)
				if _, err := c.Write([]byte("x")); err != nil {
					return // cut off
				}
			}
		}()
	}
	for name, c := range conns {
		a, err := io.ReadAll(c)
		if took := time.Since(began); took < limit-limit/10 || took > limit+4*time.Second {
			t.Errorf("%s: after %v", name, took)
		}
		if statusOf(string(a)) != "408" || (err != nil && !errors.Is(err, syscall.ECONNRESET)) {
			t.Errorf("%s: %v: %s", name, err, a)
		}
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

// TestEveryMethodOnEveryRoute: what a route does not take is refused, whatever
// it is, and no refusal says what was asked.
func TestEveryMethodOnEveryRoute(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	takes := map[string]string{
		target: "POST", "/api/v1/wol": "POST",
		"/api/v1/interfaces": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/swagger/": "GET, HEAD",
	}
	for path, allowed := range takes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "post", "WEIRD", "GETX"} {
			if strings.Contains(", "+allowed+",", ", "+method+",") {
				continue
			}
			a := woltest.Raw(t, d.address(), method+" "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+d.admin+"\r\nX-Canary: canary\r\nConnection: close\r\n\r\n")
			if statusOf(a) != "405" || !strings.Contains(a, "\r\nAllow: ") {
				t.Errorf("%s %s: %s", method, path, a)
			}
			if _, body, _ := strings.Cut(a, "\r\n\r\n"); strings.Contains(body, "canary") || strings.Contains(body, method+" ") || strings.Contains(body, path) {
				t.Errorf("%s %s: the answer quotes the request: %s", method, path, body)
			}
		}
	}
	for _, connect := range []string{"evil.example:443", "127.0.0.1:22", "http://evil.example/"} {
		a := woltest.Raw(t, d.address(), "CONNECT "+connect+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if status := statusOf(a); status != "405" && status != "400" || !strings.Contains(a, "application/problem+json") {
			t.Errorf("CONNECT %s: %s", connect, a)
		}
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

// TestPipelinedRequestsAreCounted writes a hundred at once.
func TestPipelinedRequestsAreCounted(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Rate, o.Burst = 0.001, 60 })
	var all strings.Builder
	for n := range 100 {
		fmt.Fprintf(&all, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nX-Request-ID: n%d\r\n\r\n", target, d.wake, n)
	}
	r := bufio.NewReader(d.say(t, all.String()))
	for n := range 100 {
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		want := http.StatusOK
		if n >= 60 {
			want = http.StatusTooManyRequests
		}
		if a.StatusCode != want || a.Header.Get("X-Request-Id") != fmt.Sprintf("n%d", n) {
			t.Errorf("answer %d: %d %v", n, a.StatusCode, a.Header)
		}
	}
	if n := d.wakes.Load(); n != 60 {
		t.Errorf("%d wakes", n)
	}
}

// TestWhatIsPublicIsExact tries to be taken for a health check.
func TestWhatIsPublicIsExact(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, uri := range []string{
		"/healthz?x=/api", "/healthz#/api", "/healthz/..%2fapi/v1/wol/02:00:00:00:00:01", "/healthz/../api/v1/wol/02:00:00:00:00:01",
		"/api/v1/wol/../../../healthz", "/%68ealthz", "//healthz", "/healthz;/api", "http://x/healthz/../api/v1/wol/02:00:00:00:00:01", target,
	} {
		for _, method := range []string{"GET", "POST"} {
			a := woltest.Raw(t, d.address(), method+" "+uri+" HTTP/1.1\r\nHost: x\r\nUser-Agent: kube-probe/1.30 GoogleHC/1.0\r\nX-Forwarded-Uri: /healthz\r\nX-Original-URL: /healthz\r\nX-Rewrite-URL: "+target+"\r\nConnection: close\r\n\r\n")
			if status := statusOf(a); uri == target && method == "POST" && status != "401" || status == "" || status[0] == '5' {
				t.Errorf("%s %s: %s", method, uri, a)
			}
		}
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

// TestForwardingHeadersChangeNothing: without trusted proxies all of them, and
// the host in an absolute URI, are somebody's say-so.
func TestForwardingHeadersChangeNothing(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	forged := "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /evil\r\n" +
		"X-Real-IP: 203.0.113.7\r\nForwarded: for=203.0.113.7;host=evil.example\r\nX_Forwarded_For: 203.0.113.7\r\n"
	for _, uri := range []string{"", "/swagger", "/swagger/", "/swagger/doc.json", "/healthz", target} {
		a := woltest.Raw(t, d.address(), "GET http://evil.example"+uri+" HTTP/1.1\r\nHost: evil.example\r\n"+forged+"Connection: close\r\n\r\n")
		if strings.Contains(a, "evil") {
			t.Errorf("%s: the answer believes it: %s", uri, a)
		}
	}
	if log := d.log.String(); strings.Contains(log, "203.0.113.7") || strings.Contains(log, "evil") || !strings.Contains(log, `"client":"127.0.0.1"`) {
		t.Errorf("the log believes it:\n%s", log)
	}
}

// TestNothingIsAmbient: a browser sends along on its own what it has of a
// site, so there must be nothing: no cookie is set, and none counts.
func TestNothingIsAmbient(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, path := range []string{"/", "/swagger/", "/swagger/init.js", "/healthz", "/api/v1/interfaces", "/nothing"} {
		if a := d.call(t, http.MethodGet, path, "", "Authorization", d.admin); a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	if a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake); a.StatusCode != http.StatusOK || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	before := d.wakes.Load()
	a := d.call(t, http.MethodPost, target, "", "Cookie", "Authorization="+d.wake+"; key="+d.wake, "Origin", "https://evil.example", "Content-Type", "text/plain")
	if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Set-Cookie") != "" || d.wakes.Load() != before {
		t.Errorf("a browser's own POST: %d %v", a.StatusCode, a.Header)
	}
}

// starved is a listener whose process has no descriptor left at first.
type starved struct {
	net.Listener
	errors chan error
}

func (s starved) Accept() (net.Conn, error) {
	select {
	case err := <-s.errors:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: s.Addr(), Err: err}
	default:
		return s.Listener.Accept()
	}
}

// TestServingOutlivesAcceptErrors: fasthttp would return from Serve. With the
// bounded listener below, places come back from connections that said nothing,
// too, and Shutdown ends what is left of them.
func TestServingOutlivesAcceptErrors(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want := make(chan error, 4)
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS} {
		want <- err
	}
	log := slog.New(slog.DiscardHandler)
	server := New(Options{Observe: &counts{}, Log: log})
	served := make(chan error, 1)
	var open atomic.Int32
	until := func(n int32) {
		for deadline := time.Now().Add(woltest.Patience); open.Load() != n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections, want %d", open.Load(), n)
			}
		}
	}
	go func() {
		served <- server.Serve(gauge{netlimit.Wrap(starved{l, want}, netlimit.Limits{Total: 2}, log), &open})
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for range 3 { // as many as there are places, each time
		silent, asking := dial(), dial()
		_ = asking.SetDeadline(time.Now().Add(woltest.Patience))
		if _, err := io.WriteString(asking, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if a, err := io.ReadAll(asking); err != nil || statusOf(string(a)) != "200" {
			t.Errorf("%v %s", err, a)
		}
		_, _ = asking.Close(), silent.Close()
		until(0) // and there are places again
	}
	last := dial()
	defer last.Close()
	until(1)
	began := time.Now()
	if err := server.Shutdown(4 * time.Second); err != nil || time.Since(began) > time.Second {
		t.Errorf("shutdown after %v: %v", time.Since(began), err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
