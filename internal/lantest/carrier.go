package lantest

// CarrierOff pulls the cable: the near end stays up and is no longer running.
func (l *LAN) CarrierOff() {
	l.t.Helper()
	l.check("switch the far end off", l.far.LinkSetDown(l.farEnd))
	l.settle()
}

// CarrierOn plugs the cable in again.
func (l *LAN) CarrierOn() {
	l.t.Helper()
	l.check("switch the far end on", l.far.LinkSetUp(l.farEnd))
	l.settle()
}
