// The table of tasks: sorting and finding.
function sortable(table) {
  const heads = [...table.querySelectorAll("thead th")];
  for (const button of table.querySelectorAll("thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), column = heads.indexOf(head), numbers = button.dataset.kind === "number";
      const up = head.getAttribute("aria-sort") === (numbers ? "descending" : "none") || head.getAttribute("aria-sort") === "descending";
      for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (line) => (numbers ? Number(line.cells[column].dataset.value) : line.cells[column].textContent.toLowerCase());
      const lines = [...table.tBodies[0].rows].sort((a, b) => (up ? 1 : -1) * compared(value(a), value(b)));
      table.tBodies[0].append(...lines);
    });
  }
}

function findable(input, table) {
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const line of table.tBodies[0].rows) {
      const text = `${line.cells[0].textContent} ${line.cells[1].textContent}`.toLowerCase();
      line.hidden = !words.every((word) => text.includes(word));
    }
  });
}
