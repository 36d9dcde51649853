package broker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go"
)

// Code is an error code of the Kafka protocol. Errors of this package wrap it: errors.Is(err, broker.ErrRebalance), or errors.As for any other code.
type Code int16

// The codes that callers decide on, and those that this package handles itself.
const (
	codeUnknownServer     Code = -1
	codeOffsetOutOfRange  Code = 1
	codeCorrupt           Code = 2
	codeUnknownTopic      Code = 3
	codeLeaderUnavailable Code = 5
	codeNotLeader         Code = 6
	codeTimedOut          Code = 7
	codeReplicaMissing    Code = 9
	codeTooLarge          Code = 10
	codeNetwork           Code = 13
	codeCoordinatorLoads  Code = 14
	codeCoordinatorAway   Code = 15
	codeNotCoordinator    Code = 16
	codeListTooLarge      Code = 18
	codeFewReplicas       Code = 19
	codeFewReplicasAfter  Code = 20
	codeIllegalGeneration Code = 22
	codeUnknownMember     Code = 25
	codeRebalance         Code = 27
	codeTopicDenied       Code = 29
	codeGroupDenied       Code = 30
	codeClusterDenied     Code = 31
	codeInvalidTimestamp  Code = 32
	codeOldVersion        Code = 35
	codeTopicExists       Code = 36
	codeNotController     Code = 41
	codePolicy            Code = 44
	codeSequenceGap       Code = 45
	codeSequenceTwice     Code = 46
	codeProducerEpoch     Code = 47
	codeProducerMapping   Code = 49
	codeConcurrentTxn     Code = 51
	codeTransactionDenied Code = 53
	codeStorage           Code = 56
	codeLogDirMissing     Code = 57
	codeUnknownProducer   Code = 59
	codeGroupNotEmpty     Code = 68
	codeGroupUnknown      Code = 69
	codeFencedLeader      Code = 74
	codeUnknownLeader     Code = 75
	codeOffsetPending     Code = 78
	codeMemberIDRequired  Code = 79
	codeFencedInstance    Code = 82
	codeUnstableOffset    Code = 88
	codeThrottled         Code = 89
	codeUnknownTopicID    Code = 100
)

// Errors to be matched with errors.Is.
var (
	// ErrRebalance says that the group is forming a new generation: join again.
	ErrRebalance error = codeRebalance
	// ErrFenced says that the group goes on without this member: its generation is over, it was expelled, or another
	// process uses its instance id.
	ErrFenced = errors.New("the group goes on without this member")
	// ErrOffsetOutOfRange says that the partition has no such offset (any more).
	ErrOffsetOutOfRange error = codeOffsetOutOfRange
	// ErrUnknownTopic says that the cluster has no such topic or partition.
	ErrUnknownTopic error = codeUnknownTopic
	// ErrDenied says that the cluster's access rules don't allow the operation.
	ErrDenied = errors.New("not allowed by the cluster's access rules")
	// ErrTooLarge says that a batch is larger than the topic or the broker takes.
	ErrTooLarge error = codeTooLarge
	// ErrGroupNotEmpty says that a group has members, so that its offsets can't be taken away.
	ErrGroupNotEmpty error = codeGroupNotEmpty
	// ErrDamaged says that bytes read from a partition are not what the producer wrote.
	ErrDamaged = errors.New("damaged record batch")
	// ErrClosed says that the client, the fetcher or the producer was stopped.
	ErrClosed = errors.New("broker client is closed")
)

// Error is the code's name in Kafka's documentation, with its number.
func (c Code) Error() string {
	title := kafka.Error(c).Title()
	switch {
	case c == codeUnstableOffset:
		title = "Unstable Offset Commit"
	case title == "" || strings.HasPrefix(title, "Unknown Error"):
		title = "Kafka error"
	}
	return fmt.Sprintf("%s (code %d)", strings.ToLower(title), int16(c))
}

// Is lets several codes match one error.
func (c Code) Is(target error) bool {
	switch target {
	case ErrFenced:
		return c == codeIllegalGeneration || c == codeUnknownMember || c == codeFencedInstance || c == codeGroupUnknown
	case ErrDenied:
		return c == codeTopicDenied || c == codeGroupDenied || c == codeClusterDenied || c == codeTransactionDenied
	case ErrTooLarge:
		return c == codeListTooLarge
	case ErrUnknownTopic:
		return c == codeUnknownTopicID
	}
	return false
}

// coordinatorMoved tells the codes after which the group's coordinator is looked for again.
func (c Code) coordinatorMoved() bool {
	return c == codeCoordinatorLoads || c == codeCoordinatorAway || c == codeNotCoordinator
}

// leaderMoved tells the codes after which the partition's leader is looked for again, with the request repeated.
func (c Code) leaderMoved() bool {
	switch c {
	case codeLeaderUnavailable, codeNotLeader, codeReplicaMissing, codeStorage, codeLogDirMissing, codeFencedLeader, codeUnknownLeader,
		codeUnknownTopic, codeUnknownTopicID, codeOffsetPending:
		return true
	}
	return false
}

// passing tells the codes that may go away by themselves.
func (c Code) passing() bool {
	switch c {
	case codeUnknownServer, codeTimedOut, codeNetwork, codeFewReplicas, codeFewReplicasAfter, codeNotController, codeThrottled, codeConcurrentTxn:
		return true
	}
	return c.leaderMoved() || c.coordinatorMoved()
}

// remedy is what the user can do about a code, or "".
func (c Code) remedy(topic string) string {
	switch c {
	case codeTooLarge, codeListTooLarge:
		return fmt.Sprintf("; raise max.message.bytes of topic %q or send smaller records", topic)
	case codeInvalidTimestamp:
		return "; the record's time is outside what the topic's message.timestamp.* settings allow"
	case codeTopicDenied:
		return fmt.Sprintf("; grant this user the operation on topic %q", topic)
	case codeUnknownTopic, codeUnknownTopicID:
		return fmt.Sprintf("; create topic %q or correct its name", topic)
	case codePolicy:
		return "; the cluster's create.topic or record policy refuses it"
	case codeOldVersion:
		return "; the broker must be Kafka 2.5 or newer"
	}
	return ""
}
