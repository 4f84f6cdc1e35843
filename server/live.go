package server

// eventRecords is the part that pages hear of when anything was taken in. Other
// parts are named by whoever publishes them.
const eventRecords = "records"

// Document gives the OpenAPI document of this server as JSON.
func (n *Node) Document() ([]byte, error) {
	s, err := n.publicServer()
	if err != nil {
		return nil, err
	}
	return s.Document()
}
