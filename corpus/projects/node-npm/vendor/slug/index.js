'use strict';

/** A title as a word that can stand in an address. */
module.exports = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
