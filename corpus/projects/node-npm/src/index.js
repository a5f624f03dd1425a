'use strict';

const columns = require('columns');
const slug = require('slug');

const titles = ['The Mill on the Floss', 'Middlemarch', 'Felix Holt, the Radical'];
console.log(columns(titles.map((title) => [title, slug(title)])));
