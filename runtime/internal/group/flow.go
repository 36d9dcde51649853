package group

// balance decides how many tasks of each share each member gets: quotas[share][member].
//
// The tasks flow from the shares over the members to a sink, and every pipe has a floor and a ceiling: the even share, rounded
// down and up. There is one pipe per share and member, one per member for its stateful tasks, and one per member for all of its
// tasks. Because the pipes form trees on both sides, whole numbers that respect all floors and ceilings always exist. Among them
// the cheapest flow is taken, where a unit costs something once a member gets more tasks of a share than it owns: that is a move.
func balance(shares []share, members int) (quotas [][]int) {
	n := newNetwork(shares, members)
	for n.push() {
	}
	quotas = make([][]int, len(shares))
	for i := range shares {
		quotas[i] = make([]int, members)
		for m := range members {
			quotas[i][m] = n.pipes[n.cell[i]+m].flow
		}
	}
	return quotas
}

// pipe carries units from one node to another; the price of a unit depends on how many the pipe carries already, and never falls.
type pipe struct {
	from, to int
	flow     int
	// The steps at which the price changes, none above cap: filling the floor pays a reward above all else, units up to owned
	// are free, units up to disk (whose state the member has) cost less than the rest.
	floor, owned, disk, cap int
}

// network is the flow problem; its pipes of one share stand next to each other, in the order of the members, from cell[share].
type network struct {
	pipes []pipe
	at    [][]int // by node: the pipes that touch it
	cell  []int

	reward, move int64 // for a unit below the floor; for a unit that moves

	distance []int64
	via      []int // by node: the pipe on the cheapest path to it
	queued   []bool
}

const source, sink = 0, 1

func newNetwork(shares []share, members int) *network {
	nodes := 2 + len(shares) + 2*members
	n := &network{at: make([][]int, nodes), distance: make([]int64, nodes), via: make([]int, nodes), queued: make([]bool, nodes)}
	shareNode := func(i int) int { return 2 + i }
	statefulNode := func(m int) int { return 2 + len(shares) + m }
	memberNode := func(m int) int { return 2 + len(shares) + members + m }

	total, stateful := 0, 0
	for i, s := range shares {
		tasks := len(s.owner)
		total += tasks
		n.add(pipe{from: source, to: shareNode(i), cap: tasks})
		n.cell = append(n.cell, len(n.pipes))
		for m := range members {
			to := memberNode(m)
			if s.stateful {
				to = statefulNode(m)
			}
			n.add(even(pipe{from: shareNode(i), to: to, owned: s.owned[m], disk: s.owned[m] + s.formerly[m]}, tasks, members))
		}
		if s.stateful {
			stateful += tasks
		}
	}
	for m := range members {
		n.add(even(pipe{from: statefulNode(m), to: memberNode(m), owned: total}, stateful, members))
		n.add(even(pipe{from: memberNode(m), to: sink, owned: total}, total, members))
	}
	// All the moves together stay below one unit of floor, and all the misses of a disk below one move.
	n.move = int64(total) + 1
	n.reward = int64(total+1) * (n.move + 1)
	return n
}

// even sets the floor and the ceiling of a pipe to an equal share of the units, and puts the other steps under the ceiling.
func even(p pipe, units, members int) pipe {
	p.floor = units / members
	p.cap = (units + members - 1) / members
	p.owned = min(p.owned, p.cap)
	p.disk = min(max(p.disk, p.owned), p.cap)
	return p
}

func (n *network) add(p pipe) {
	if p.from == source {
		p.owned, p.disk = p.cap, p.cap
	}
	n.at[p.from] = append(n.at[p.from], len(n.pipes))
	n.at[p.to] = append(n.at[p.to], len(n.pipes))
	n.pipes = append(n.pipes, p)
}

// price is the cost of the unit-th unit of a pipe, counted from 1.
func (n *network) price(p *pipe, unit int) int64 {
	var price int64
	if unit <= p.floor {
		price -= n.reward
	}
	if unit > p.owned {
		price += n.move
	}
	if unit > p.disk {
		price++
	}
	return price
}

// room is how many units fit at the price of the next one; taken how many may be taken back at the price of the last one.
func (p *pipe) room() int {
	next := p.cap
	for _, step := range [...]int{p.floor, p.owned, p.disk} {
		if step > p.flow {
			next = min(next, step)
		}
	}
	return next - p.flow
}

func (p *pipe) taken() int {
	last := 0
	for _, step := range [...]int{p.floor, p.owned, p.disk} {
		if step < p.flow {
			last = max(last, step)
		}
	}
	return p.flow - last
}

// push sends as many units as one price allows along the cheapest path, and reports whether there was one.
// Taking the cheapest path each time keeps the whole flow the cheapest of its size.
func (n *network) push() bool {
	if !n.search() {
		return false
	}
	units := int(^uint(0) >> 1)
	for node := sink; node != source; {
		p := &n.pipes[n.via[node]]
		if p.to == node {
			units, node = min(units, p.room()), p.from
		} else {
			units, node = min(units, p.taken()), p.to
		}
	}
	for node := sink; node != source; {
		p := &n.pipes[n.via[node]]
		if p.to == node {
			p.flow, node = p.flow+units, p.from
		} else {
			p.flow, node = p.flow-units, p.to
		}
	}
	return true
}

// search finds the cheapest path from the source to the sink (Bellman and Ford's way, since rewards make prices negative).
func (n *network) search() bool {
	const unreached = int64(1) << 62
	for i := range n.distance {
		n.distance[i] = unreached
	}
	n.distance[source] = 0
	queue := append(make([]int, 0, len(n.at)), source)
	for len(queue) > 0 {
		node := queue[0]
		queue = queue[1:]
		n.queued[node] = false
		for _, i := range n.at[node] {
			p := &n.pipes[i]
			far, price := p.to, int64(0)
			switch {
			case p.from == node && p.flow < p.cap:
				price = n.price(p, p.flow+1)
			case p.to == node && p.flow > 0:
				far, price = p.from, -n.price(p, p.flow)
			default:
				continue
			}
			if d := n.distance[node] + price; d < n.distance[far] {
				n.distance[far], n.via[far] = d, i
				if !n.queued[far] {
					n.queued[far] = true
					queue = append(queue, far)
				}
			}
		}
	}
	return n.distance[sink] < unreached
}
