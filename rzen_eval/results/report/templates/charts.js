// Charts of one task: rows of bars, and a histogram of margins.
const RANKS = [[1, 1], [2, 2], [3, 3], [4, 5], [6, 10], [11, 20], [21, 50], [51, 100]];
const BINS = 24;

function bars(label, tracks) {
  return element("div", { class: "row" },
    element("div", { class: "name" }, label),
    element("div", { class: "tracks" }, tracks.map((track) => element("div", { class: "track" },
      element("div", { class: `fill m${track.model}`, style: { width: `${track.value}%` } }),
      track.low === undefined ? null : element("div", {
        class: "whisker", style: { left: `${track.low}%`, right: `calc(100% - ${track.high}%)` },
      })))),
    element("div", { class: "figures" }, tracks.map((track) => element("div", null, ...track.text))));
}

function rankRows(browse) {
  const beyond = (rank) => rank === null || rank > 100;
  const kinds = RANKS.map(([low, high]) => ({
    label: low === high ? `${low}` : `${low} to ${high}`,
    holds: (rank) => rank !== null && rank >= low && rank <= high,
  }));
  if (browse.runs.some((run) => run.rank.some(beyond))) kinds.push({ label: "not found", holds: beyond });
  const used = kinds.map((kind) => browse.runs.map((run) => run.rank.filter(kind.holds).length));
  const last = used.reduce((place, counts, row) => (counts.some((count) => count) ? row : place), 0);
  return kinds.slice(0, last + 1).map((kind, row) => bars(kind.label, browse.runs.map((run, place) => {
    const share = 100 * used[row][place] / run.rank.length;
    return { model: run.model, value: share, text: [element("b", null, counted(used[row][place])), ` ${share.toFixed(1)} %`] };
  })));
}

function sliceRows(slice, runs) {
  return slice.parts.map((part) => bars(part.label, part.means.map(([value, low, high], place) => ({
    model: runs[place].model, value, low, high,
    text: [
      element("b", null, value.toFixed(1)),
      element("small", null, ` ${low.toFixed(0)} to ${high.toFixed(0)}${place ? "" : `, ${several(part.n, "query")}`}`),
    ],
  }))));
}

function marginChart(browse, models) {
  const known = browse.runs.map((run) => run.margin.filter((margin) => margin !== null));
  const all = known.flat();
  if (!all.length) return element("p", { class: "fine" }, "No margins are known.");
  const reach = all.reduce((most, margin) => Math.max(most, Math.abs(margin)), 1e-6);
  // The middle column is of ties alone, which are neither right nor wrong by any margin.
  const half = Math.floor(BINS / 2), columnsInAll = 2 * half + 1;
  const counts = known.map((margins) => {
    const bins = new Array(columnsInAll).fill(0);
    for (const margin of margins) {
      const far = Math.min(half - 1, Math.floor(Math.abs(margin) / reach * half));
      bins[half + Math.sign(margin) * (far + 1)] += 1;
    }
    return bins;
  });
  const highest = Math.max(...counts.flat());
  const width = 480, height = 150, floor = 126, step = width / columnsInAll, each = (step - 3) / counts.length;
  const columns = counts.flatMap((bins, place) => bins.map((count, bin) => count ? drawn("rect", {
    x: bin * step + 1.5 + place * each, width: each, y: floor - count / highest * (floor - 12), height: count / highest * (floor - 12),
    style: { fill: `var(--m${browse.runs[place].model})` },
  }) : null));
  const words = known.map((margins, place) => {
    const wrong = margins.filter((margin) => margin < 0).length, ties = margins.filter((margin) => margin === 0).length;
    return `${models[browse.runs[place].model]}: ${counted(wrong)} of ${counted(margins.length)} below zero, ${counted(ties)} at zero`;
  }).join("; ");
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Distribution of margins. ${words}` },
    ...columns,
    drawn("line", { x1: 0, x2: width, y1: floor, y2: floor, stroke: "var(--line)" }),
    drawn("line", { x1: width / 2, x2: width / 2, y1: 8, y2: floor + 4, stroke: "var(--soft)", "stroke-dasharray": "3 3" }),
    drawn("text", { x: 0, y: floor + 16 }, `−${reach.toPrecision(2)} · wrong`),
    drawn("text", { x: width / 2, y: floor + 16, "text-anchor": "middle" }, "tie"),
    drawn("text", { x: width, y: floor + 16, "text-anchor": "end" }, `right · +${reach.toPrecision(2)}`),
    drawn("text", { x: 0, y: 9 }, `highest column: ${counted(highest)}`));
}
