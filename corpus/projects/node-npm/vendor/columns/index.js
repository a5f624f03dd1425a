'use strict';

/** Rows of cells as lines whose columns line up. */
module.exports = (rows) => {
  const width = Math.max(...rows.map((row) => row[0].length));
  return rows.map(([first, ...rest]) => [first.padEnd(width), ...rest].join('  ')).join('\n');
};
