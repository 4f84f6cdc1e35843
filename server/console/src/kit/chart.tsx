// Charts with axes. Import it from here, not from the kit's index, so that only
// the pages that draw charts load the library.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { day } from "./words";

interface ChartProps {
  /** In words, for who does not see the chart. */
  label: string;
  /** Unix milliseconds. */
  times: readonly number[];
  lines: readonly { label: string; values: readonly (number | null)[]; colour?: string }[];
  height?: number;
  /** Upper end of the scale, such as 100 for percent. */
  max?: number;
}

const halfMonth = 15 * 86_400;

/** What stands under the axis: months where the chart covers many, else days. */
function tick(ms: number, times: readonly number[]): string {
  const text = day(ms);
  return (times[times.length - 1] ?? 0) - (times[0] ?? 0) > 100 * 86_400_000 ? text.slice(3) : text.slice(0, 5);
}

const colours = ["#0b5cad", "#a4480a", "#1a6e3c", "#7a2e8a"];

/** Lines over time. */
export function Chart({ label, times, lines, height = 220, max }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const data = [times.map((t) => t / 1000), ...lines.map((l) => [...l.values])] as uPlot.AlignedData;
    const plot = new uPlot(
      {
        width: Math.max(240, el.clientWidth), height, cursor: { x: false, y: false, drag: { x: false, y: false } }, legend: { show: lines.length > 1 },
        scales: { x: { range: (_u, lo, hi) => (lo === hi ? [lo - halfMonth, hi + halfMonth] : [lo, hi]) }, y: { range: (_u, _lo, hi) => [0, max ?? Math.max(1, hi * 1.05)] } },
        series: [{}, ...lines.map((l, i) => ({ label: l.label, stroke: l.colour ?? colours[i % colours.length], width: 2, points: { show: times.length < 40 } }))],
        axes: [{ grid: { show: false }, values: (_u, at) => at.map((t) => tick(t * 1000, times)) }, { size: 48 }],
      },
      data, el,
    );
    const fit = new ResizeObserver(() => plot.setSize({ width: Math.max(240, el.clientWidth), height }));
    fit.observe(el);
    return () => {
      fit.disconnect();
      plot.destroy();
    };
  }, [times, lines, height, max]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}
