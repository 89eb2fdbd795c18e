package auth

// NextNonce makes of a nonce one that has not been before (splitmix64, Steele et
// al. 2014). Who has accepted a boot by its nonce takes the next one, so that what
// the boot before has sent is never taken for an acquaintance again. It is never 0.
func NextNonce(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return max(1, n^n>>31)
}
