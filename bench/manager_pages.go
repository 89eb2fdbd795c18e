package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/events"
)

// question is one that a person's page asks of the API.
type question struct {
	name string
	ask  func(ctx context.Context, c *client.Client) error
}

// questions start at the newest, or anywhere.
func questions(e *estate) []question {
	random := rand.New(rand.NewPCG(7, 8))
	one := func() pairOf { return e.Sites[random.IntN(len(e.Sites))] }
	sites := func(ctx context.Context, c *client.Client) error {
		after := ""
		if random.IntN(2) == 0 {
			after = one().ID
		}
		_, err := c.Sites(ctx, after, 0)
		return err
	}
	of := func(filter func() client.EventFilter) func(context.Context, *client.Client) error {
		return func(ctx context.Context, c *client.Client) error {
			after := ""
			if random.IntN(2) == 0 {
				after = events.Cursor{At: time.Now().Add(-time.Duration(random.Int64N(int64(historyOf)))).UnixMilli(), Arrival: 1}.String()
			}
			_, err := c.Events(ctx, filter(), after, 0)
			return err
		}
	}
	return []question{
		{"`GET /sites`", sites},
		{"`GET /events`", of(func() client.EventFilter { return client.EventFilter{} })},
		{"of a site", of(func() client.EventFilter { return client.EventFilter{Site: one().ID} })},
		{"of a kind", of(func() client.EventFilter { return client.EventFilter{Kinds: []string{"socket-fail-over"}} })},
		{"of a kind, at a site", of(func() client.EventFilter {
			return client.EventFilter{Site: one().ID, Kinds: []string{"socket-fail-over"}}
		})},
		{"with a text that most have", of(func() client.EventFilter { return client.EventFilter{Text: "reconnected"} })},
		{"with a text that few have", of(func() client.EventFilter { return client.EventFilter{Text: string(one().VSockets[0].Serial)} })},
		{"with a text that none has", of(func() client.EventFilter { return client.EventFilter{Text: "xyzzy"} })},
	}
}

// pages asks the questions in turns, each some times, one after the other. So what a
// manager does now and then, as to collect its memory, falls on all of them alike,
// and not on the kind that is asked in that second.
func pages(ctx context.Context, c *client.Client, e *estate, times int) (all []trips, err error) {
	asked := questions(e)
	took := make([][]time.Duration, len(asked))
	for i := range times + times/10 {
		for k, q := range asked {
			began := time.Now()
			if err := q.ask(ctx, c); err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			if i >= times/10 { // the first ones fill caches
				took[k] = append(took[k], time.Since(began))
			}
		}
	}
	for _, t := range took {
		all = append(all, ranked(t))
	}
	return all, nil
}

func ranked(took []time.Duration) trips {
	if len(took) == 0 {
		return trips{}
	}
	slices.Sort(took)
	return trips{Median: took[len(took)/2].Seconds(), P99: took[len(took)*99/100].Seconds(), Sent: len(took)}
}
