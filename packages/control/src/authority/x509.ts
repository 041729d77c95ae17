// @peculiar/x509 registers its parts through this polyfill: the one import of ours that is for its side effect.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

export { x509 }
