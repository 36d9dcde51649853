package faust

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/faustgen/faustgen/runtime/internal/broker"
)

// OpenClient opens a producer for NewClient. It is for generated code only.
func OpenClient(ctx context.Context, spec AppSpec, brokers string, opts ...Option) (*Binder, func() error, error) {
	c, err := newConfig(append([]Option{Broker(brokers)}, opts...))
	if err != nil {
		return nil, nil, err
	}
	p := newPlan(&spec, c)
	client, producer, stop, err := openProducer(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	if err := p.ensureDeclared(ctx, client); err != nil {
		stop()
		return nil, nil, err
	}
	s := newSender(p, producer, true)
	return &Binder{plan: p, memo: map[any]any{}, send: s}, func() error {
		err := s.flush(context.WithoutCancel(ctx))
		stop()
		return err
	}, nil
}

// openProducer connects and starts a producer, which stop ends.
func openProducer(ctx context.Context, p *plan) (*broker.Client, *broker.Producer, func(), error) {
	client := openBroker(p.opts, p.id+"-client")
	if err := client.WaitReady(ctx); err != nil {
		client.Close()
		return nil, nil, nil, err
	}
	producer := client.NewProducer(broker.ProduceConfig{Idempotent: true})
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { _ = producer.Run(base) }) // it ends with base; what it could not send, done has told
	return client, producer, func() {
		cancel()
		running.Wait()
		client.Close()
	}, nil
}

// ensureDeclared creates the declared topics that are absent, for those who only send, and learns the partition counts.
func (p *plan) ensureDeclared(ctx context.Context, client *broker.Client) error {
	for name, t := range p.topics {
		if t.kind != declaredTopic {
			delete(p.topics, name)
		}
	}
	p.components = nil
	return p.ensureTopics(ctx, client, p.id)
}

// RunCommand runs a //faust:command of the application, outside any worker: with a producer of its own. What it sends is acknowledged
// when RunCommand returns. It builds no receivers: what the worker's methods share may exist only once.
func (a *App) RunCommand(ctx context.Context, name string, args []string, opts ...Option) error {
	c, err := newConfig(opts)
	if err != nil {
		return err
	}
	var spec *CommandSpec
	for i := range a.spec.Commands {
		if a.spec.Commands[i].Name == name {
			spec = &a.spec.Commands[i]
		}
	}
	if spec == nil {
		return fmt.Errorf("no command %q", name)
	}
	p := newPlan(&a.spec, c)
	client, producer, stop, err := openProducer(ctx, p)
	if err != nil {
		return err
	}
	defer stop()
	if err := p.ensureDeclared(ctx, client); err != nil {
		return err
	}
	return outside(ctx, context.WithoutCancel(ctx), p, producer, nil, func(ctx context.Context, b *Binder) error {
		if err := spec.Bind(b)(ctx, args); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// Raw is one record to be sent as bytes; see App.SendRaw.
type Raw struct {
	Topic      string // declared name
	Key, Value []byte // nil is null
	Time       int64  // ms since 1970
	Partition  int32  // -1: from the key, or in turn without one
}

// SendRaw sends what next returns until it returns false, or an error, and returns how many records were acknowledged. It is what
// the worker's send command does.
func (a *App) SendRaw(ctx context.Context, next func() (Raw, bool, error), opts ...Option) (sent int64, err error) {
	c, err := newConfig(opts)
	if err != nil {
		return 0, err
	}
	p := newPlan(&a.spec, c)
	client, producer, stop, err := openProducer(ctx, p)
	if err != nil {
		return 0, err
	}
	defer stop()
	if err := p.ensureDeclared(ctx, client); err != nil {
		return 0, err
	}
	err = outside(ctx, context.WithoutCancel(ctx), p, producer, nil, func(ctx context.Context, b *Binder) error {
		for {
			r, more, err := next()
			if err != nil || !more {
				return err
			}
			if err := b.send.add(ctx, p.actual(r.Topic), r.Key, r.Value, r.Time, r.Partition, nil); err != nil {
				return err
			}
			sent++
		}
	})
	return sent, errors.Join(err)
}
