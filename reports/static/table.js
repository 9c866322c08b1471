"use strict";
// Sorting and filtering of the table of submissions. Without this script the table is complete and in file order.
(function () {
  var table = document.getElementById("submissions");
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);

  function key(row, column, isNumber) {
    var cell = row.cells[column];
    if (!isNumber) return cell.textContent.trim();
    var value = parseFloat(cell.getAttribute("data-value"));
    return isNaN(value) ? null : value;
  }

  function sort(column) {
    var head = heads[column];
    var isNumber = head.getAttribute("data-sort") === "number";
    var sorted = head.getAttribute("aria-sort");
    // The first press shows the largest number, or the first letter.
    var up = sorted ? sorted === "descending" : !isNumber;
    heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort(function (a, b) {
      var x = key(a, column, isNumber), y = key(b, column, isNumber);
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1; // what is missing stays last
      var order = isNumber ? x - y : x.localeCompare(y, undefined, { numeric: true, sensitivity: "base" });
      return up ? order : -order;
    });
    rows.forEach(function (row) { body.appendChild(row); });
  }

  heads.forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () { sort(column); });
  });

  var box = document.getElementById("filter");
  var input = document.getElementById("filter-text");
  var count = document.getElementById("filter-count");
  function filter() {
    var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    var n = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      if (!row.hidden) n += 1;
    });
    count.textContent = n + " of " + rows.length + " shown";
  }
  input.addEventListener("input", filter);
  box.hidden = false;
  filter();
})();
