package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"

	"releve.dev/releve/site"
)

// TLS is what a manager serves devices with, on a port that others may use too: a
// device shows its certificate, who has none may enrol.
func (f *Fleet) TLS() (*tls.Config, error) {
	devices := x509.NewCertPool()
	devices.AddCert(f.c.Authority.Certificate())
	config := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     append([]string{"h2", "http/1.1"}, f.c.Protocols...),
		ClientAuth:     tls.VerifyClientCertIfGiven,
		ClientCAs:      devices,
		GetCertificate: f.c.Certificate,
	}
	day, err := f.c.Authority.TicketKeys(time.Now())
	if err != nil {
		return nil, err
	}
	config.SetSessionTicketKeys(day)
	outer := config.Clone()
	outer.GetConfigForClient = f.admitted.admit(func() (*tls.Config, error) {
		keys, err := f.c.Authority.TicketKeys(time.Now())
		if err != nil {
			return nil, err
		}
		config.SetSessionTicketKeys(keys)
		return config, nil
	})
	return outer, nil
}

// Server is a web server that suits sessions: they last, and nobody may take long
// to say what he wants.
func Server(handler http.Handler, config *tls.Config, log *slog.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:           handler,
		TLSConfig:         config,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// caller is who makes a call, as the connection tells.
type caller struct {
	serial  site.Serial // "": it showed no certificate
	control *http.ResponseController
}

type callerKey struct{}

// identified tells the calls who calls. A certificate that was not verified never
// gets here.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := caller{control: http.NewResponseController(w)}
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			who.serial = site.Serial(r.TLS.PeerCertificates[0].Subject.CommonName)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

func callerOf(ctx context.Context) caller {
	who, _ := ctx.Value(callerKey{}).(caller)
	return who
}
