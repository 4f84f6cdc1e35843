package view

import (
	"cmp"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/words"
)

// Guide is a guide in a list.
type Guide struct {
	Code          string `json:"code"`
	TitleVI       string `json:"title_vi"`
	TitleEN       string `json:"title_en"`
	Opened        int    `json:"opened"`          // how often, on this device
	FirstOpenedMS int64  `json:"first_opened_ms"` // 0 for never
	LastOpenedMS  int64  `json:"last_opened_ms"`  // 0 for never
	TitleText     string `json:"title_text"`
}

// FullGuide is a guide with its text.
type FullGuide struct {
	Guide
	BodyVI   string `json:"body_vi"` // paragraphs with an empty line between
	BodyEN   string `json:"body_en"`
	BodyText string `json:"body_text"`
}

// GuideOf gives the object of g for a list.
func GuideOf(g *clientlib.Guide, l words.Lang) Guide {
	return Guide{g.Code, g.TitleVI, g.TitleEN, g.Opened, g.FirstOpened, g.LastOpened, l.Pick(g.TitleVI, cmp.Or(g.TitleEN, g.TitleVI))}
}

// FullGuideOf gives the object of g with its text.
func FullGuideOf(g *clientlib.Guide, l words.Lang) FullGuide {
	return FullGuide{GuideOf(g, l), g.BodyVI, g.BodyEN, l.Pick(g.BodyVI, cmp.Or(g.BodyEN, g.BodyVI))}
}
