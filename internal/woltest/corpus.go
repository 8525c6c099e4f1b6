package woltest

import "strings"

// BadMACs returns strings that are no MAC address of a network card. Every door
// of both programs refuses each of them.
func BadMACs() []string {
	return []string{
		"", "a", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:ff:00",
		"aa:bb-cc:dd-ee:ff", "aa-bb:cc-dd:ee-ff", "aa:bb:cc-dd:ee:ff", "aabb.ccdd:eeff", "aabb.ccddeeff.", "aabbcc.ddeeff",
		"a:b:c:d:e:f", "0:11:22:33:44:55", "aa:bb:cc:dd:ee:gg", "zz:zz:zz:zz:zz:zz", "gabbccddeeff",
		" aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff ", "aa:bb:cc:dd:ee:ff\n", "\taabbccddeeff", "aabbccddeef\n",
		"aa：bb：cc：dd：ee：ff", "٠٠:١١:٢٢:٣٣:٤٤:٥٥", "aa.bb.cc.dd.ee.ff", "aa bb cc dd ee ff", "aabb-ccdd-eeff",
		"aa:bb:cc:dd:ee:ff;reboot", "aa:bb:cc:dd:ee:ff%eth0", "+a:bb:cc:dd:ee:ff", "0xaabbccddeeff", "0xaabbccddee",
		"aa:bb:cc:dd:ee:ff:11:22", "aa-bb-cc-dd-ee-ff-11-22", "aabb.ccdd.eeff.1122",
		"aa:bb:cc:dd:ee:ff:aa:bb:cc:dd:ee:ff:aa:bb:cc:dd:ee:ff:aa:bb",
		"\u200eaa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff\u202c", "aabbccdde\u200b", "8:0:37:d7:a:45", "41135085296",
		"aa%3Abb%3Acc%3Add%3Aee%3Aff", "../admin", "..%5c", "\x00aabbccddeef", "aabbccddee\x00f", strings.Repeat("a", 7000),
		"00:00:00:00:00:00", "000000000000", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01", "03aabbccddee",
	}
}
