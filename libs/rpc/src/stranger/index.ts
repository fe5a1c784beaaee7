export { askAsStranger, type AskedHost, type StrangerAnswer } from './ask-as-stranger.js';
