// Sorts a table by the column whose head is clicked or entered; a second time reverses it.
for (const head of document.querySelectorAll("th")) {
  head.tabIndex = 0;
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const order = (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
    const byNumber = (a, b) => Number(key(a)) - Number(key(b));
    const rows = [...body.rows];
    const numeric = rows.every((row) => row.cells[column].dataset.v !== undefined);
    rows.sort(numeric ? byNumber : order);
    body.append(...(up ? rows : rows.reverse()));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
}
