// Package faust is the runtime of applications that faustgen generates: stream processing over Kafka, with agents, tables, windows and timers.
//
// A user writes against its handles and events: [Topic], [Table], [WindowTable], [Stream], [Events], [Event] and [Window]. The generated
// function Faust returns an [App]; [App.Run], or the worker's command line in runtime/cli, runs it. What says that it is for generated
// code only is no interface to build on: it changes together with the generator.
//
// It is not a Kafka client, and knows neither reflection nor tags: how a type is encoded, which function is an agent and what it takes comes
// from the generated code. Below it, runtime/internal moves bytes.
//
// Who owns what runs: App.Run starts the group's member, the fetcher, the producer, a goroutine for each task the worker is given and one
// for each timer and task function without tables, and returns when all have ended. Tables, streams and sends in a body belong to the
// goroutine of their task; what is safe for others says so.
package faust
