// Sorts a table by the column whose head is pressed; a second time reverses it. Long tables are searched, too.
const collator = new Intl.Collator(undefined, { numeric: true });

function sort(head) {
  const body = head.closest("table").tBodies[0];
  const column = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const keyed = [...body.rows].map((row) => [row, row.cells[column].dataset.v ?? row.cells[column].textContent]);
  const isNumber = ([row]) => row.cells[column].dataset.v !== undefined || row.cells[column].textContent === "–";
  const value = (key) => (key === "–" ? -Infinity : Number(key));
  const byNumber = (a, b) => value(a[1]) - value(b[1]) || 0;
  keyed.sort(keyed.every(isNumber) ? byNumber : (a, b) => collator.compare(a[1], b[1]));
  body.append(...(up ? keyed : keyed.reverse()).map(([row]) => row));
}

function searched(table) {
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const form = document.createElement("div");
  const field = Object.assign(document.createElement("input"), { type: "search" });
  const label = document.createElement("label");
  const count = document.createElement("output");
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach((row, j) => {
      row.hidden = !words.every((word) => texts[j].includes(word));
      n += !row.hidden;
    });
    count.textContent = words.length ? `${n} of ${rows.length} rows` : "";
  };
  form.className = "search";
  label.append("Search ", field);
  form.append(label, count);
  field.addEventListener("input", search);
  table.parentNode.before(form);
}

for (const head of document.querySelectorAll("thead th")) {
  const button = document.createElement("button");
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => sort(head));
}
document.querySelectorAll(".tall table").forEach(searched);
