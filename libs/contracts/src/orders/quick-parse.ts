/**
 * Reads payloads by the decorators of their classes, some twenty times as fast as class-transformer
 * and class-validator do: both look up and sort the decorators anew for every object, and a report
 * has hundreds. Knows what ours use; whatever it does not know or finds wrong is left to them.
 */

import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { getMetadataStorage, ValidationTypes } from 'class-validator';

type Check = (value: unknown, object: object) => boolean;

interface Field {
  readonly name: string;
  /** The field is looked at only while all hold. */
  readonly conditions: Check[];
  readonly checks: Check[];
  /** Shape of the object, or of the list's elements, that it holds. */
  nested?: { readonly shape: Shape; readonly isList: boolean };
}

interface Shape {
  readonly payloadClass: ClassConstructor<object>;
  readonly fields: readonly Field[];
}

type Metadata = ReturnType<
  ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']
>[number];

const WRONG = Symbol('wrong');

const shapes = new Map<ClassConstructor<object>, Shape | undefined>();

/** An instance with the fields that the class knows; undefined unless all of them are known to be right. */
export function quickParse<T extends object>(
  payloadClass: ClassConstructor<T>,
  plain: unknown,
): T | undefined {
  const shape = shapeOf(payloadClass);
  return shape && (read(shape, plain) as T | undefined);
}

function read({ payloadClass, fields }: Shape, plain: unknown): object | undefined {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return undefined;
  const object = new payloadClass() as Record<string, unknown>;
  for (const field of fields) {
    const isThere = Object.hasOwn(plain, field.name);
    const value = isThere ? (plain as Record<string, unknown>)[field.name] : undefined;
    const checked = readField(field, plain, value);
    if (checked === WRONG) return undefined;
    if (isThere) object[field.name] = checked;
  }
  return object;
}

/** @returns `WRONG` unless the field is known to be right. */
function readField({ conditions, checks, nested }: Field, plain: object, value: unknown): unknown {
  if (!conditions.every((holds) => holds(value, plain))) {
    // Anything else is unchecked, but perhaps to be transformed.
    return value === undefined || value === null ? value : WRONG;
  }
  if (!checks.every((passes) => passes(value, plain))) return WRONG;
  if (nested === undefined || value === undefined) return value;
  return (nested.isList ? readList(nested.shape, value) : read(nested.shape, value)) ?? WRONG;
}

function readList(shape: Shape, value: unknown): object[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list: object[] = [];
  for (const element of value as unknown[]) {
    const object = read(shape, element);
    if (object === undefined) return undefined;
    list.push(object);
  }
  return list;
}

function shapeOf(payloadClass: ClassConstructor<object>): Shape | undefined {
  if (!shapes.has(payloadClass)) shapes.set(payloadClass, makeShape(payloadClass));
  return shapes.get(payloadClass);
}

/** @returns undefined for a class with decorators that are not known here. */
function makeShape(payloadClass: ClassConstructor<object>): Shape | undefined {
  const storage = getMetadataStorage();
  const fields = new Map<string, Field>();
  for (const metadata of storage.getTargetValidationMetadatas(payloadClass, '', false, false)) {
    const name = metadata.propertyName;
    const field = fields.get(name) ?? { name, conditions: [], checks: [] };
    fields.set(name, field);
    if (!addTo(field, payloadClass, metadata)) return undefined;
  }
  return { payloadClass, fields: [...fields.values()] };
}

/** @returns false if the decorator is not known here. */
function addTo(field: Field, payloadClass: ClassConstructor<object>, metadata: Metadata): boolean {
  const { type, constraints, validateIf } = metadata;
  // Left out by some decorators, whatever its type says.
  const each = (metadata.each as boolean | undefined) ?? false;
  if (validateIf !== undefined) return false;
  if (type === ValidationTypes.CONDITIONAL_VALIDATION) {
    const condition = constraints[0] as (object: object, value: unknown) => boolean;
    field.conditions.push((value, object) => condition(object, value));
    return true;
  }
  if (type === ValidationTypes.NESTED_VALIDATION) {
    const nestedClass = nestedClassOf(payloadClass, field.name, each);
    const shape = nestedClass && shapeOf(nestedClass);
    if (shape === undefined) return false;
    field.nested = { shape, isList: each };
    return true;
  }
  const isCheck = type === ValidationTypes.CUSTOM_VALIDATION || type === ValidationTypes.IS_DEFINED;
  return isCheck && addChecks(field, metadata, each);
}

/** @param each the value is a list, whose elements are checked. */
function addChecks({ name: property, checks }: Field, metadata: Metadata, each: boolean): boolean {
  const { constraintCls, constraints, target } = metadata;
  const targetName = typeof target === 'string' ? target : target.name;
  for (const constraint of getMetadataStorage().getTargetValidatorConstraints(constraintCls)) {
    if (constraint.async) return false;
    const { instance } = constraint;
    // One for all calls: nobody keeps it, and to make one costs more than most checks.
    const given = { value: undefined as unknown, object: {}, constraints, property, targetName };
    const check: Check = (value, object) => {
      given.value = value;
      given.object = object;
      return instance.validate(value, given) === true;
    };
    checks.push(
      each
        ? (value, object) => Array.isArray(value) && value.every((one) => check(one, object))
        : check,
    );
  }
  return true;
}

/** What `@Type` says, as class-transformer understands it. */
function nestedClassOf(
  payloadClass: ClassConstructor<object>,
  name: string,
  isList: boolean,
): ClassConstructor<object> | undefined {
  const made = plainToInstance(payloadClass, { [name]: isList ? [{}] : {} }) as Record<
    string,
    object | object[]
  >;
  const value = [made[name]].flat()[0];
  const nestedClass = value?.constructor as ClassConstructor<object> | undefined;
  return nestedClass === Object ? undefined : nestedClass;
}
