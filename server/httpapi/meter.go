package httpapi

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"thonsync/syncproto"
)

// meter holds the numbers of the HTTP side. Labels are routes and codes, never
// origins or units: those would be personal and without bound.
type meter struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	exchanges *prometheus.CounterVec
	bytes     *prometheus.CounterVec
}

func newMeter(r *prometheus.Registry, g *gate) *meter {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	m := &meter{
		registry: r,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "thonsync_http_requests_total", Help: "Requests by route, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "thonsync_http_request_seconds", Help: "Time from the whole request to the answer.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 60},
		}, []string{"route"}),
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "thonsync_exchanges_total", Help: "Exchanges by result: ok or the error's code.",
		}, []string{"result"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "thonsync_exchange_bytes_total", Help: "Bytes of exchange bodies.",
		}, []string{"direction"}),
	}
	r.MustRegister(m.requests, m.duration, m.exchanges, m.bytes,
		gauge("thonsync_exchanges_working", "Exchanges worked on now.", g.working),
		gauge("thonsync_exchanges_waiting", "Exchanges waiting for their turn.", g.waiting))
	return m
}

func gauge(name, help string, f func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
}

func (m *meter) request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

func (m *meter) exchange(err error, in, out int) {
	result := "ok"
	if err != nil {
		result = string(syncproto.CodeOf(err))
	}
	m.exchanges.WithLabelValues(result).Inc()
	m.bytes.WithLabelValues("in").Add(float64(in))
	m.bytes.WithLabelValues("out").Add(float64(out))
}

func (s *Server) metrics() fiber.Handler {
	return adaptor.HTTPHandler(promhttp.HandlerFor(s.meter.registry, promhttp.HandlerOpts{}))
}
