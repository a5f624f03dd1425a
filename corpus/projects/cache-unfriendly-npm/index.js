'use strict';

const hours = require('hours');

console.log([5, 600, 1439].map(hours).join(' '));
