//go:build race

package merge_test

// raceDetector says that sync.Pool drops at random what it is given.
const raceDetector = true
