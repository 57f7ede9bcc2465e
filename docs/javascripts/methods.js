// The table of all methods: a field and menus that filter its rows, headings that sort them.
const MENUS = ["Role", "Room", "Verdict", "In batches"];

function columns(table) {
  return [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
}

function text(row, column) {
  return row.cells[column].textContent.trim();
}

function controls(table) {
  const rows = [...table.tBodies[0].rows];
  const bar = document.createElement("form");
  const search = document.createElement("input");
  search.type = "search";
  search.placeholder = "Words, such as: X_target label";
  search.setAttribute("aria-label", "Words that a method's row must hold");
  bar.append(search);
  const menus = MENUS.map((name) => {
    const column = columns(table).indexOf(name);
    const menu = document.createElement("select");
    menu.setAttribute("aria-label", name);
    const values = [...new Set(rows.map((row) => text(row, column)))].filter(Boolean).sort();
    menu.append(new Option(`${name}: any`, ""), ...values.map((value) => new Option(value, value)));
    bar.append(menu);
    return { column, menu };
  });
  const count = document.createElement("output");
  bar.append(count);

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const all = row.textContent.toLowerCase();
      row.hidden =
        !words.every((word) => all.includes(word)) ||
        !menus.every(({ column, menu }) => !menu.value || text(row, column) === menu.value);
    }
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} methods`;
  }
  bar.addEventListener("input", filter);
  bar.addEventListener("submit", (event) => event.preventDefault());
  filter();
  return bar;
}

function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (up ? 1 : -1) * text(a, column).localeCompare(text(b, column)));
      table.tBodies[0].append(...rows);
    });
  });
}

document.querySelectorAll(".methods table").forEach((table) => {
  table.before(controls(table));
  sortable(table);
});
