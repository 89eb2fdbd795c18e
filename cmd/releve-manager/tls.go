package main

import "crypto/tls"

func (m *manager) tls(names []string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: m.authority.Server(names...)}
}
