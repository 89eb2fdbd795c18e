package api

import (
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"releve.dev/releve/manager/sse"
)

// stream is an answer of server-sent events, whose data is JSON.
type stream struct{ *sse.Stream }

// streaming answers with what run sends, until it returns or the client goes.
func streaming(run func(ctx context.Context, s *stream) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		sse.Serve(hc.Context(), w, func(ctx context.Context, s *sse.Stream) error { return run(ctx, &stream{s}) })
	}}
}

// send sends one message; id is where a client goes on, 0: nowhere.
func (s *stream) send(id int64, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return s.Send(id, string(text))
}
