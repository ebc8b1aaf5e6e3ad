// Which queries are listed, and in which order; nothing here touches the page.
const NEAR = 3;

const missed = (run, row) => run.rank[row] !== 1;
const near = (run, row) => run.rank[row] !== null && run.rank[row] > 1 && run.rank[row] <= NEAR;
const tied = (run, row) => run.tied[row] === 1;

function filters(browse, models) {
  const [one, two] = browse.runs;
  const any = (test) => (row) => browse.runs.some((run) => test(run, row));
  const found = [{ key: "all", label: "All", holds: () => true }];
  if (two) {
    found.push(
      { key: "both", label: "Wrong in both", holds: (row) => missed(one, row) && missed(two, row) },
      { key: "first", label: `Only ${models[one.model]} wrong`, holds: (row) => missed(one, row) && !missed(two, row) },
      { key: "second", label: `Only ${models[two.model]} wrong`, holds: (row) => !missed(one, row) && missed(two, row) });
  } else {
    found.push({ key: "wrong", label: "Wrong", holds: any(missed) });
  }
  found.push({ key: "near", label: "Near misses", holds: any(near) }, { key: "ties", label: "Ties", holds: any(tied) });
  return found;
}

// A right answer that the run does not hold is worse than any that it holds.
const depth = (run, row) => run.margin[row] ?? (missed(run, row) ? -Infinity : Infinity);
const sum = (browse, row, of) => browse.runs.reduce((total, run) => total + of(run, row), 0);
const wrongs = (browse, row) => sum(browse, row, (run) => (missed(run, row) ? 1 : 0));

// Margins of two models have scales of their own, so how many of them are wrong counts first.
const worse = (browse, a, b) => compared(wrongs(browse, b), wrongs(browse, a)) || compared(sum(browse, a, depth), sum(browse, b, depth));
const closeness = (browse, row) => Math.min(...browse.runs.map((run) => Math.abs(depth(run, row))));

const ORDERS = {
  worst: { label: "Worst first", by: (browse) => (a, b) => worse(browse, a, b) || a - b },
  best: { label: "Best first", by: (browse) => (a, b) => worse(browse, b, a) || a - b },
  closest: { label: "Closest calls first", by: (browse) => (a, b) => compared(closeness(browse, a), closeness(browse, b)) || a - b },
  data: { label: "As in the data", by: () => (a, b) => a - b },
};

const compared = (a, b) => (a === b ? 0 : a < b ? -1 : 1);

function listed(browse, { holds, words, pictured, order }) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [];
  for (let row = 0; row < browse.query.id.length; row += 1) {
    if (holds(row) && (!pictured || hasPicture(browse, row)) && wanted.every((word) => haystack(browse, row).includes(word))) rows.push(row);
  }
  return rows.sort(ORDERS[order].by(browse));
}

function haystack(browse, row) {
  browse.haystacks ??= [];
  browse.haystacks[row] ??= [
    browse.query.id[row], browse.query.text[row],
    ...browse.right[row].flatMap((place) => [browse.candidate.id[place], browse.candidate.text[place]]),
  ].join("\n").toLowerCase();
  return browse.haystacks[row];
}

const hasPicture = (browse, row) => [
  pictureOf(browse, browse.query, row), ...browse.right[row].map((place) => pictureOf(browse, browse.candidate, place)),
].some((picture) => picture !== null);

function pictureOf(browse, items, row) {
  const place = items.picture ? items.picture[row] : null;
  return place === null || place === undefined ? null : `data:image/webp;base64,${browse.pictures[place]}`;
}
