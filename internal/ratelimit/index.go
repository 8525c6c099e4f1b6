package ratelimit

import "hash/maphash"

// index finds the bucket of a key. It is a hash table of fixed size, whose
// collisions are chained through the buckets. A Go map would do, were it bounded:
// one of 65,536 keys, in which others come and go for ever, was seen to grow from
// 11 to 23 MiB (Go 1.26). The seed is secret, so nobody can choose addresses that
// collide.
type index[K comparable] struct {
	seed  maphash.Seed
	first []int32 // of each chain; 0, which is no key's bucket, ends one
}

// newIndex has at least as many chains as keys: they are one or two long.
func newIndex[K comparable](size int) index[K] {
	chains := 1
	for chains < size {
		chains *= 2
	}
	return index[K]{seed: maphash.MakeSeed(), first: make([]int32, chains)}
}

func (x *index[K]) chain(key K) *int32 {
	return &x.first[maphash.Comparable(x.seed, key)&uint64(len(x.first)-1)]
}

// find returns the bucket of a key, or 0.
func (x *index[K]) find(buckets []bucket[K], key K) int32 {
	i := *x.chain(key)
	for i != 0 && buckets[i].key != key {
		i = buckets[i].chain
	}
	return i
}

// add adds a bucket by the key that is in it.
func (x *index[K]) add(buckets []bucket[K], i int32) {
	first := x.chain(buckets[i].key)
	buckets[i].chain, *first = *first, i
}

// remove takes a bucket out of its chain.
func (x *index[K]) remove(buckets []bucket[K], i int32) {
	link := x.chain(buckets[i].key)
	for *link != i {
		link = &buckets[*link].chain
	}
	*link = buckets[i].chain
}
