'use strict';

const hours = require('hours');
const icon = require('icons');

console.log([5, 600, 1439].map(hours).join(' '), icon('icon-5').length);
