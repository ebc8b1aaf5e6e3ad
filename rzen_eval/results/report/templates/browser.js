// The browser of queries: a list of which only the visible rows exist, and the query that is chosen.
const ROW = 56;
const SPARE = 6;

function browser(browse, models, moved) {
  const state = { holds: () => true, words: "", pictured: false, order: "worst", rows: [], chosen: 0 };
  const kinds = filters(browse, models);
  const pictures = browse.pictures.length > 0;
  const thumbs = Boolean(browse.query.picture);
  const space = element("div", { class: "space" });
  const list = element("div", {
    class: "list", role: "listbox", tabindex: "0", "aria-label": "Queries", onscroll: paint, onclick: clicked, onkeydown: arrows,
  }, space);
  const detail = element("div", { class: "detail", tabindex: "-1", role: "region", "aria-label": "Query" });
  const count = element("span", { class: "fine", role: "status" });
  const search = element("input", {
    type: "search", id: "search", placeholder: "Search queries and right answers", "aria-label": "Search queries and right answers",
    autocomplete: "off", oninput: () => { state.words = search.value; refresh(); },
  });
  const buttons = kinds.map((kind) => element("button", {
    type: "button", "data-filter": kind.key, "aria-pressed": kind.key === "all", onclick: () => choose(kind.key),
  }, `${kind.label} ${counted(browse.query.id.filter((_, row) => kind.holds(row)).length)}`));
  const withPictures = element("button", {
    type: "button", "data-filter": "pictures", "aria-pressed": "false",
    onclick: () => { state.pictured = !state.pictured; withPictures.setAttribute("aria-pressed", state.pictured); refresh(); },
  }, "With pictures");
  const order = element("select", { "aria-label": "Order", onchange: () => { state.order = order.value; refresh(null); } },
    Object.entries(ORDERS).map(([key, one]) => element("option", { value: key }, one.label)));
  const frame = element("div", { class: "browser" }, list, detail);
  const root = element("div", null,
    element("div", { class: "tools", role: "group", "aria-label": "Filters" }, buttons, pictures ? withPictures : null),
    element("div", { class: "tools" }, search, order, count,
      element("span", { class: "fine keys end" }, "j next · k previous · / search · esc back")),
    element("p", { class: "fine" },
      element("b", { class: "right-ink" }, "✓ 1"), " the right answer is first · ", element("b", { class: "near-ink" }, "≈ 3"),
      " it is at place 3, a near miss · ", element("b", { class: "wrong-ink" }, "✗ 8"), " it is at place 8 · ",
      element("b", { class: "wrong-ink" }, "✗ –"), " it is not among those that were kept"),
    frame);

  function choose(key) {
    state.holds = kinds.find((kind) => kind.key === key).holds;
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.filter === key);
    refresh();
  }

  function refresh(row = state.rows[state.chosen]) {
    state.rows = listed(browse, state);
    state.chosen = Math.max(0, state.rows.indexOf(row));
    space.style.height = `${state.rows.length * ROW}px`;
    count.textContent = `${counted(state.rows.length)} of ${several(browse.query.id.length, "query")}`;
    list.scrollTop = Math.max(0, state.chosen * ROW - list.clientHeight / 2);
    paint();
    show();
  }

  function paint() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
    const last = Math.min(state.rows.length, Math.ceil((list.scrollTop + (list.clientHeight || 600)) / ROW) + SPARE);
    const seen = [];
    for (let place = first; place < last; place += 1) seen.push(line(place));
    space.replaceChildren(...(state.rows.length ? seen : [element("p", { class: "empty" }, "No query fits. Press Escape in the search, or choose All.")]));
    if (state.rows.length) list.setAttribute("aria-activedescendant", `query-${state.chosen}`);
    else list.removeAttribute("aria-activedescendant");
  }

  function line(place) {
    const row = state.rows[place];
    const picture = pictureOf(browse, browse.query, row);
    return element("div", {
      class: thumbs ? "query" : "query plain", role: "option", id: `query-${place}`, "data-place": place, style: { top: `${place * ROW}px` },
      "aria-selected": place === state.chosen, "aria-setsize": state.rows.length, "aria-posinset": place + 1,
    },
    thumbs ? (picture ? element("img", { src: picture, alt: "" }) : element("span", { class: "no" })) : null,
    element("span", { class: "words" }, browse.query.text[row] || browse.query.media[row] || browse.query.id[row],
      element("small", null, apart(browse, row))),
    element("span", { class: "marks" }, browse.runs.map((run) => mark(run, row))));
  }

  function mark(run, row) {
    const [kind, sign] = !missed(run, row) ? ["right", "✓"] : near(run, row) ? ["near", "≈"] : ["wrong", "✗"];
    const rank = run.rank[row] === null ? "–" : run.rank[row];
    return element("span", {
      class: `mark ${kind}`, role: "img",
      "aria-label": `${models[run.model]}: right answer ${run.rank[row] === null ? "not found" : `at place ${rank}`}`,
    }, `${sign} ${rank}`);
  }

  function clicked(event) {
    const line = event.target.closest(".query");
    if (!line) return;
    select(Number(line.dataset.place));
    open();
  }

  function open() {
    root.classList.add("opened");
    if (matchMedia("(max-width: 46rem)").matches) detail.focus();
  }

  function close() {
    const was = root.classList.contains("opened") && matchMedia("(max-width: 46rem)").matches;
    root.classList.remove("opened");
    if (was) list.focus();
    return was;
  }

  function arrows(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (event.key in steps) { event.preventDefault(); step(steps[event.key]); }
    if (event.key === "Enter") open();
  }

  function step(by) { shift(by); frame.scrollIntoView({ block: "nearest" }); }

  function shift(by) { select(Math.min(Math.max(state.chosen + by, 0), state.rows.length - 1)); }

  function select(place) {
    if (!state.rows.length) return;
    state.chosen = place;
    const top = place * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    paint();
    show();
    moved(browse.query.id[state.rows[place]]);
  }

  function show() {
    detail.scrollTop = 0;
    if (!state.rows.length) { detail.replaceChildren(); return; }
    detail.replaceChildren(
      element("div", { class: "tools" },
        element("button", { type: "button", class: "close", onclick: close }, "← List"),
        element("button", { type: "button", onclick: () => step(-1), disabled: state.chosen === 0 }, "Previous"),
        element("button", { type: "button", onclick: () => step(1), disabled: state.chosen === state.rows.length - 1 }, "Next"),
        element("span", { class: "fine" }, `${counted(state.chosen + 1)} of ${counted(state.rows.length)}`)),
      ...present(query(browse, models, state.rows[state.chosen])));
  }

  function go(id) {
    refresh(browse.query.id.indexOf(id));
    frame.scrollIntoView({ block: "start" });
    open();
  }

  return { root, step, refresh, search, close, go };
}

// What tells a query from others that say the same: its id, and its right answer.
function apart(browse, row) {
  const right = browse.right[row].length ? browse.right[row][0] : null;
  const answer = right === null ? "" : browse.candidate.text[right] || browse.candidate.id[right];
  return [browse.query.id[row], answer].filter(Boolean).join(" → ");
}

function query(browse, models, row) {
  const told = browse.instructions[browse.query.told === 0 ? 0 : browse.query.told[row]];
  const pool = typeof browse.query.pool === "number" ? browse.query.pool : browse.query.pool[row];
  const others = browse.n_right[row] - browse.right[row].length;
  return [
    element("h3", null, "Query ", element("small", null, browse.query.id[row])),
    told ? element("p", { class: "told" }, told) : null,
    item(browse, browse.query, row),
    element("h3", null, browse.n_right[row] === 1 ? "Right answer" : several(browse.n_right[row], "right answer"),
      element("small", null, ` among ${several(pool, "candidate")}`)),
    element("div", { class: "rights" }, browse.right[row].map((place, number) => element("div", null,
      browse.grades ? element("p", { class: "fine" }, `Grade ${browse.grades[row][number]}`) : null,
      item(browse, browse.candidate, place)))),
    browse.n_right[row] === 0 ? element("p", { class: "fine" }, "None of them is among the candidates.") : null,
    others > 0 ? element("p", { class: "fine" }, `and ${counted(others)} more`) : null,
    element("div", { class: "tops" }, browse.runs.map((run) => ranking(browse, models[run.model], run, row))),
  ];
}

function ranking(browse, name, run, row) {
  const rank = run.rank[row], margin = run.margin[row];
  const said = [
    rank === null ? "right answer not among those kept of the run" : `right answer at place ${rank}`,
    margin === null ? null : `margin ${signed(margin)}`, run.tied[row] ? "tie" : null,
  ].filter(Boolean).join(", ");
  return element("div", null,
    element("h3", null, element("i", { class: `swatch m${run.model}` }), ` ${name} `, element("small", null, said)),
    element("ol", { class: "top" }, run.top[row].map((place, number) => {
      const right = browse.right[row].includes(place);
      return element("li", { class: right ? "right" : null },
        element("span", { class: "place" }, number + 1),
        element("span", null, score(run.scores[row][number]), right ? element("b", { class: "right-ink" }, " ✓", element("span", { class: "hidden" }, " right")) : null),
        item(browse, browse.candidate, place));
    })));
}

function item(browse, items, row) {
  const picture = pictureOf(browse, items, row);
  const words = items.text[row], media = items.media[row];
  const beside = words || (picture ? "" : items.id[row]);
  const alt = [media, items.id[row]].filter(Boolean).join(", ");
  return element("div", { class: "item" },
    picture ? element("button", { type: "button", class: "shot", "aria-label": `Enlarge ${alt}`, onclick: () => enlarge(picture, alt) },
      element("img", { src: picture, alt })) : null,
    beside || (media && !picture) ? element("div", null,
      beside ? element("p", { class: "said" }, beside) : null,
      media && !picture ? element("p", { class: "fine" }, `${media}, not kept in this file`) : null) : null);
}

function enlarge(picture, alt) {
  const dialog = find("#enlarged");
  Object.assign(find("img", dialog), { src: picture, alt });
  dialog.onclick = () => dialog.close();
  dialog.showModal();
}
